"""What training minimised: the loss of each example and what follows from it."""
