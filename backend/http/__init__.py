"""What every request meets: limits, errors, representations."""
