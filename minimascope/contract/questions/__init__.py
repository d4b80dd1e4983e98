"""Questions about analyses: a plane through input space, the line between two minima."""
