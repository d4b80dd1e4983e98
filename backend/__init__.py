"""The service room: uploads, persistence, jobs, events. Opens no upload, imports no torch."""
