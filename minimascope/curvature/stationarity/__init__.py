"""Which objective trained weights are a minimum of: the one told, or another common one."""
