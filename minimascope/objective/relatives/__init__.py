"""Losses that differ from a told one by what people often leave out, as residuals."""
