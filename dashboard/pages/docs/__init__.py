"""What every term means, and where the rest is written."""
