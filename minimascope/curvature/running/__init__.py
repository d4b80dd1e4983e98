"""A long computation under way: its clock, memory, forecasts."""
