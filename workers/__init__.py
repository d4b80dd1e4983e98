"""The analysis room: supervised jobs, sandboxed intake, curvature and boundary."""
