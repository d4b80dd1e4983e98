"""minimascope: what kind of minimum did a training run find, and will it generalize?

The shared language of the rooms, and the one name people import in their own scripts.
Importing it loads no torch, no web framework and no dashboard.
"""

__version__ = "0.1.0"
