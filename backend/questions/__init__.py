"""Questions about an analysis: planes and lines on demand."""
