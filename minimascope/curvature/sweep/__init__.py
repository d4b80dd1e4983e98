"""Quantities of GGN + λI at many λ, by exact routes or by products alone."""
