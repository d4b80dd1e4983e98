"""Networks that people train on GPUs, written in plain torch, and smaller ones of their kinds."""
