"""What is in an installation, as CycloneDX 1.6: written beside the wheels by `make dist`.

python packaging/sbom.py dist/minimascope.cdx.json
"""

from __future__ import annotations

import json
import re
import sys
import uuid
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FACE = HERE.parent / "minimascope" / "__init__.py"
# Name, version, marker and hashes of one requirement of the lock.
REQUIREMENT = re.compile(
    r"^([\w.-]+)==(\S+)( ; [^\\]+)?((?:\s*\\\n\s+--hash=sha256:\w+)+)", re.MULTILINE
)


def component(name: str, version: str, marker: str, hashes: list[str]) -> dict[str, Any]:
    """Its hashes are those of every file of the release; one of them was installed."""
    url = f"pkg:pypi/{name}@{version}"
    found: dict[str, Any] = {"type": "library", "bom-ref": url, "name": name, "version": version}
    found["purl"] = url
    found["properties"] = [
        *({"name": "minimascope:sha256", "value": each} for each in hashes),
        *([{"name": "minimascope:only-where", "value": marker}] if marker else []),
    ]
    return found


def components() -> list[dict[str, Any]]:
    """Of the image, and what a GPU needs beside it."""
    texts = [(HERE / "lock" / f"{name}.txt").read_text() for name in ("image", "gpu")]
    return [
        component(
            found[1], found[2], (found[3] or "").strip(" ;"), re.findall(r"sha256:(\w+)", found[4])
        )
        for text in texts
        for found in REQUIREMENT.finditer(text)
    ]


def document() -> dict[str, Any]:
    """The same lock gives the same document, its serial number too."""
    version = re.search(r'^__version__ = "(.+)"$', FACE.read_text(), re.MULTILINE)
    assert version
    found = components()
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps([version[1], found], sort_keys=True))
    root = f"pkg:pypi/minimascope-server@{version[1]}"
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": "minimascope-server",
                "version": version[1],
                "purl": root,
            }
        },
        "components": found,
        "dependencies": [{"ref": root, "dependsOn": [each["bom-ref"] for each in found]}],
    }


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(document(), indent=1) + "\n")
