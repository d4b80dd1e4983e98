"""Parts of an analysis that several workers compute."""
