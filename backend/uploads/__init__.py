"""Checkpoints and data sets: received, stored, inspected."""
