"""The generalization gap: estimates, diagnostics and the verdict."""
