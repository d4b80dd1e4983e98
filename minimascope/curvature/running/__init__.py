"""A long computation under way: how it is run, its clock, memory, kept state and forecasts."""
