"""What pages draw, as JSON for the browser: made in a process of its own, kept, served."""
