"""What this machine has and keeps: cores, threads, unfinished numbers."""
