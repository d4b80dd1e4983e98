"""Decision boundary along eigenvectors. Needs torch, numpy, scipy and curvature alone."""
