"""Analyses: submitted, followed, their results."""
