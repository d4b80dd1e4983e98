"""How pages are served: security policy, set-up, compression."""
