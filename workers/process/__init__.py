"""One job in a process of its own: started, watched, ended."""
