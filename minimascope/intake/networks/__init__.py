"""From weights and an architecture to a network."""
