"""The command that works off jobs; found through an entry point."""
