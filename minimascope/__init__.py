"""minimascope: what kind of minimum did a training run find, and will it generalize?

The shared language of the rooms, and the one name people import in their own scripts:
`minimascope.export(model, example_inputs, "model.pt2")` writes a network that describes itself.
Importing it loads no torch, no web framework and no dashboard.
"""

from minimascope.exporting import export

__all__ = ["__version__", "export"]
__version__ = "0.1.0"
