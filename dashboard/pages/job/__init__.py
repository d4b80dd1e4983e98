"""One job, live."""
