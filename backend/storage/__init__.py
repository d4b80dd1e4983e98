"""Database, files and bucket: what the service keeps."""
