"""Readers of data sets in the formats people keep them in."""
