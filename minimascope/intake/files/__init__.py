"""Formats of files as such: what a file is, its header, which tensors are taken."""
