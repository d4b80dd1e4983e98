"""What pages are made of: plots, choices, drop zones, tables, notices, numbers in words."""
