"""A new analysis: files, network, settings, what a worker says of them."""
