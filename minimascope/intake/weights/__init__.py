"""Readers of weights in the formats people save them in."""
