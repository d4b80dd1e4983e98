"""How pages that are read on a code host become a site.

Pictures of studies are taken along from benchmarks/results. What else lies outside docs/ is named
on the site, not linked, and so are folders, whose pages are in the navigation.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
RESULTS = "benchmarks/results"
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)")
KEPT = (".md", ".png", ".svg")
EMPTY_HEAD = re.compile(r"<th[^>]*>\s*</th>")


def on_config(config: Any) -> Any:
    """Decisions are in the navigation by being there."""
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    house = next(part["The house"] for part in config.nav if "The house" in part)
    house.append({"Decisions": [f"decisions/{page.name}" for page in pages]})
    return config


def on_files(files: Files, config: Any) -> Files:
    """The pages and the pictures of the studies."""
    for path in sorted((ROOT / RESULTS).glob("*.svg")):
        files.append(File.generated(config, f"results/{path.name}", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """The page with only those links that lead to something on the site."""
    folder = posixpath.dirname(page.file.src_uri)

    def kept(found: re.Match[str]) -> str:
        picture, words, target, place = found[1], found[2], found[3], found[4] or ""
        path = posixpath.normpath(posixpath.join("docs", folder, target))
        if picture and path.startswith(RESULTS):
            there = posixpath.relpath(f"results/{posixpath.basename(path)}", folder or ".")
            return f"![{words}]({there})"
        inside = path.startswith("docs/") and path.endswith(KEPT)
        return f"{picture}[{words}]({target}{place})" if inside else words

    return LINK.sub(kept, markdown)


def on_post_page(output: str, **_: Any) -> str:
    """Who hears the page: the search is a dialog with a name, an empty head of a column is none."""
    named = output.replace('role="dialog"', 'role="dialog" aria-label="Search"', 1)
    return EMPTY_HEAD.sub("<td></td>", named)
