"""What products alone tell of a matrix: Lanczos, quadrature, traces."""
