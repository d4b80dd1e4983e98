"""The minimum under inspection, and where its parameters lie."""
