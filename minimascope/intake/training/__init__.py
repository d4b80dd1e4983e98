"""What a file says of its training, told of a network: proposals, and moments by name."""
