"""Parts of one analysis as jobs of their own."""
