"""Worker processes that live, and which job they take."""
