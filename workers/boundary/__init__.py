"""Decision boundary along eigenvectors. Needs torch, numpy, scipy and `workers.curvature` alone."""
