"""Own reader of torch.export archives (.pt2): JSON and raw weights, no pickle, no sympy."""
