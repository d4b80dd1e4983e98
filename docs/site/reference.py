"""The pages of the site that are written from the code while it is built.

`reference/python.md` from docstrings, `reference/cli.md` from the commands, `reference/rest.md`
from the OpenAPI document, `reference/report.md` from the report's schema, `glossary.md` from the
one list of terms. Nothing of them is kept, so that none can be old.
"""

from __future__ import annotations

from typing import Any

from cli_page import cli_page
from mkdocs.structure.files import File, Files
from python_page import python_page
from report_page import report_page
from rest_page import rest_page

PAGES = {
    "reference/python.md": python_page,
    "reference/cli.md": cli_page,
    "reference/rest.md": rest_page,
    "reference/report.md": report_page,
}


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages to what stands in docs/."""
    for name, page in {**PAGES, "glossary.md": glossary_page}.items():
        files.append(File.generated(config, name, content=page()))
    return files


def glossary_page() -> str:
    """Terms in the order in which they stand there, each at an address."""
    from minimascope.contract.glossary import TERMS

    parts = [
        "# Glossary",
        "Each term in one sentence, with its unit and which of its values are better. The pages "
        "of the product say the same on hover, `minimascope explain soft_rank` on a terminal.",
    ]
    parts += [f"## {term.name} {{#{key}}}\n\n{term.words}" for key, term in TERMS.items()]
    return "\n\n".join(parts) + "\n"
