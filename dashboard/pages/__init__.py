"""One page a folder: its layout, its callbacks, its panels and words."""
