"""A training run: its measures over the steps, its boundary as a film, beside another run."""
