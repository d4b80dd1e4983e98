"""Several minima side by side."""
