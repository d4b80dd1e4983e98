"""What intake hands on: a checkpoint and a data set as values."""
