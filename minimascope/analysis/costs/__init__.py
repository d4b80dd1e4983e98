"""What an analysis costs before it is run."""
