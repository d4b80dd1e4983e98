"""What surrounds the code holds together: links lead somewhere, CITATION and templates are read."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

import minimascope

ROOT = Path(__file__).parents[2]
WRITTEN = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
    *sorted((ROOT / "skills").rglob("*.md")),
    ROOT / "llms.txt",
]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def anchors(path: Path) -> set[str]:
    """Of the headings of a page, as a code host makes them."""
    text = FENCED.sub("", path.read_text())
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def local_links(path: Path) -> Iterator[str]:
    for link in re.findall(r"\]\(([^)\s]+)\)", FENCED.sub("", path.read_text())):
        if "://" not in link and not link.startswith("mailto:"):
            yield link


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(path: Path) -> None:
    for link in local_links(path):
        file, _, heading = link.partition("#")
        target = path.parent / file if file else path
        assert target.exists(), link
        assert not heading or heading in anchors(target), link


def test_a_days_work_names_files_that_exist() -> None:
    named = re.findall(r"`((?:minimascope|tests|workers|dashboard|docs)/[\w./]+)`", CONTRIBUTING)
    assert len(named) > 20
    made_up = ("NAME.py", "poisson.py")
    there = [(ROOT / each).exists() or each.endswith(made_up) for each in named]
    assert [each for each, found in zip(named, there, strict=True) if not found] == []
    commands = set(re.findall(r"`?make ([a-z-]+)", CONTRIBUTING))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert commands <= targets


def test_the_licence_is_one_and_the_version_in_one_place() -> None:
    own, server = ROOT / "pyproject.toml", ROOT / "packaging" / "server" / "pyproject.toml"
    for project in (own, server):
        said = tomllib.loads(project.read_text())["project"]
        assert said["license"] == "MIT"
        assert "version" in said["dynamic"]
        text = (project.parent / "LICENSE").read_text()
        assert text == (ROOT / "LICENSE").read_text()
        assert metadata(said["name"])["Version"] == minimascope.__version__
    assert f"## {minimascope.__version__} (" in (ROOT / "CHANGELOG.md").read_text()
    for room in ("minimascope", "backend", "dashboard", "workers"):
        assert (ROOT / room / "py.typed").is_file()


def test_the_first_page_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_both_papers_are_cited() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cited["license"] == "MIT"
    papers = {each["identifiers"][0]["value"]: each for each in cited["references"]}
    assert set(papers) == {"arXiv:2306.07104", "arXiv:2506.17809"}
    readme = (ROOT / "README.md").read_text()
    for identifier, paper in papers.items():
        assert paper["url"].endswith(identifier.removeprefix("arXiv:"))
        assert paper["title"] in " ".join(readme.split())
        assert all(author["family-names"] for author in paper["authors"])


def test_a_machine_of_the_host_runs_what_a_developer_runs() -> None:
    workflow: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    [job] = workflow["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_templates_ask_what_an_answer_needs() -> None:
    folder = ROOT / ".github" / "ISSUE_TEMPLATE"
    forms = [path for path in folder.glob("*.yml") if path.name != "config.yml"]
    assert len(forms) == 3
    for path in forms:
        form = yaml.safe_load(path.read_text())
        assert form["name"]
        assert form["description"]
        fields = [each for each in form["body"] if each["type"] != "markdown"]
        assert len({each["id"] for each in fields}) == len(fields)
        assert any(each.get("validations", {}).get("required") for each in fields)


def test_what_agents_are_told_of_tools_is_what_there_is() -> None:
    from minimascope.agents.here import Here
    from minimascope.agents.tools import Tools

    tools = {tool.__name__ for tool in Tools(Here()).every()}
    page = (ROOT / "docs" / "agents.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == tools
    skill = (ROOT / "skills" / "minimascope" / "SKILL.md").read_text()
    head = yaml.safe_load(skill.split("---")[1])
    assert head["name"] == "minimascope"
    assert len(head["description"]) < 1024
    steps = set(re.findall(r"`([a-z]+)`", skill)) & {*tools, "spectrum", "gap"}
    assert {"inspect", "analyze", "wait", "compare", "draw"} <= steps


def blocks(path: Path, language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)
    return [block for kind, block in found if kind == language]


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every call of `minimascope` on any page, in a block or in a sentence, by its page."""
    for path in WRITTEN:
        text = path.read_text().replace("\\\n", " ")
        inline = re.findall(r"`(minimascope [^`\n]+)`", FENCED.sub("", text))
        fenced = [line for block in FENCED.findall(text) for line in block.splitlines()]
        for line in [*inline, *fenced]:
            words = line.split("#")[0].replace("…", " ").strip().split()
            if words[:1] == ["minimascope"] and len(words) > 1:
                yield path.name, words[1:]


def test_every_command_on_a_page_is_there_with_its_options() -> None:
    """What it does with them is run by tests of the pages and of the commands."""
    from minimascope.cli.commands import OWN, SERVICE, loaded

    checked = 0
    for page, (name, *rest) in commands():
        if name.startswith("-") or name in ("COMMAND", "…"):
            continue
        assert name in OWN or name in SERVICE, (page, name)
        found = loaded(name)
        if inner := getattr(found, "commands", None):
            assert rest[0] in inner, (page, name, rest)
            found = inner[rest[0]]
        known = {option for each in found.params for option in each.opts + each.secondary_opts}
        given = {word.split("=")[0] for word in rest[: _end(rest)] if re.match(r"--[a-z]", word)}
        assert given <= known | {"--help", "--traceback"}, (page, name, given - known)
        checked += 1
    assert checked > 60


def _end(words: list[str]) -> int:
    """Where options of somebody else's script begin."""
    return words.index("--") if "--" in words else len(words)


def test_every_variable_on_a_page_is_read_somewhere() -> None:
    told = {n for p in WRITTEN for n in re.findall(r"`?(MINIMASCOPE_[A-Z_]*[A-Z])", p.read_text())}
    rooms = ("minimascope", "backend", "workers", "dashboard")
    code = "".join(f.read_text() for room in rooms for f in (ROOT / room).rglob("*.py"))
    unread = {name for name in told if name not in code and name[12:].lower() not in code}
    assert len(told) > 20
    assert unread == set()


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_python_on_a_page_is_python(path: Path) -> None:
    for block in blocks(path, "python"):
        compile(block, path.name, "exec")


# British, with -ise; "generalize" is how the field and both papers write it. Names of code stand in
# code. A licence is a noun; MIT's own text is not ours.
AMERICAN = re.compile(
    r"\b(color\w*|behavior\w*|neighbor\w*|center\w*|labeled|modeled|"
    r"favor\w*|gray|canceled|judgment|analyz\w+|optimiz\w+|"
    r"(?!generaliz|size|resiz|prize|seize|randomized range)\w+iz(?:e[ds]?|ing|ations?|ers?))\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_spelling_is_one(path: Path) -> None:
    prose = re.sub(
        r"`[^`]*`|(\[[\w.]+)?\]\([^)]*\)|<[^>]*>|\"[^\"\n]{20,}\"",
        "",
        FENCED.sub("", path.read_text()),
    )
    assert [found[0] for found in AMERICAN.finditer(prose)] == []
