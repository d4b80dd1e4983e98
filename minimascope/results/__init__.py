"""A finished analysis in hand: printed, drawn, tabulated, saved, compared. No torch."""
