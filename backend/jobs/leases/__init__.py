"""Leases of workers: granted, renewed, ended."""
