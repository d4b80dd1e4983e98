"""Curvature matrices as operators: products with vectors, never the matrix."""
