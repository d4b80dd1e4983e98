"""What setuptools cannot be told in pyproject.toml: the rooms lie two folders up, and the library
that the service needs is the one of the same version."""

import os
import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ROOMS = ("backend", "dashboard", "workers")
# What a browser is sent, and the licences of what others wrote of it.
SERVED = ("LICENSE", "css", "ico", "js", "json", "mjs", "png", "svg", "woff2")
FACE = (ROOT / "minimascope" / "__init__.py").read_text()
VERSION = re.search(r'^__version__ = "(.+)"$', FACE, re.MULTILINE)[1]
LINES = (HERE / "requirements.txt").read_text().splitlines()
NEEDED = [line.split("#")[0].strip() for line in LINES if line.split("#")[0].strip()]

os.chdir(HERE)
setup(
    version=VERSION,
    install_requires=[f"minimascope[embedding,plots]=={VERSION}", *NEEDED],
    packages=find_packages(str(ROOT), include=[f"{room}*" for room in ROOMS]),
    package_dir={room: f"../../{room}" for room in ROOMS},
    package_data={
        "backend": ["py.typed", "demos/*/*", "operations/monitoring/*", "documents/**/*"],
        "dashboard": ["py.typed", *(f"**/*.{kind}" for kind in SERVED)],
        "workers": ["py.typed"],
    },
)
