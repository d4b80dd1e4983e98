"""Uploads in pieces: what has arrived of each, and who has room for more."""
