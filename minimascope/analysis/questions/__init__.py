"""Questions about a finished analysis, answered as jobs."""
