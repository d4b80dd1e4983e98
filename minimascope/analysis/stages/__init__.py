"""The stages of an analysis, from the spectrum to the margins."""
