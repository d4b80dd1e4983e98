"""Parts of an analysis that other workers may compute."""
