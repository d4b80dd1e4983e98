"""Curvature of a minimum: operators, spectra, gap estimates. Needs torch, numpy and scipy alone."""
