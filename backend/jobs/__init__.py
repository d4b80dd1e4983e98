"""Units of work: delivered, leased, ended."""
