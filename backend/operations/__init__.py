"""Health, metrics, audit, backup."""
