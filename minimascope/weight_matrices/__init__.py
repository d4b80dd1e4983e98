"""What weights alone say: spectra of weight matrices, units, initialisation, change."""
