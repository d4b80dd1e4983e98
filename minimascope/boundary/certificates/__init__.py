"""Lower bounds on distances to the decision boundary: proofs that a whole region has one class."""
