"""The process in which files are parsed, and the walls around it."""
