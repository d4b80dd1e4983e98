"""Runs: several reports of one training run, by step."""
