"""Opens uploads: the only place in the product where user bytes are parsed."""
