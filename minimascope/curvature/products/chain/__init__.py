"""Products of networks that are one layer after another, without autograd."""
