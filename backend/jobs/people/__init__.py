"""What one person has that waits or runs."""
