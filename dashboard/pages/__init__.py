"""One page a file: its layout and its callbacks, registered on a Dash app with a client."""
