"""All analyses: a drop zone, the list, the way to compare."""
