"""One analysis: key numbers, verdict, linked pictures, tabs."""
