"""One analysis under way: what was opened, what is known so far, where it is published."""
