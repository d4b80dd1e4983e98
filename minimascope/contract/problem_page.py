"""docs/problems.md, made of the registry: `make docs-problems`."""

from __future__ import annotations

from minimascope.contract.problem_codes import SECTIONS

HEAD = """# Problems

Every refusal has a stable code for programs, a sentence for people that names the offending value
and, mostly, advice. Over REST it is an RFC 9457 document with the status given here. What the
advice column has is said where the place that refuses has nothing more precise.

Made of `minimascope/contract/problem_codes.py` by `make docs-problems`.
"""


def page() -> str:
    """docs/problems.md."""
    parts = [HEAD]
    for name, rows in SECTIONS.items():
        parts.append(f"\n## {name}\n\n| code | status | meaning | advice |\n|---|---|---|---|\n")
        for row in rows:
            statuses = ", ".join(str(each) for each in (row.status, *row.others))
            parts.append(f"| `{row.code}` | {statuses} | {row.meaning} | {row.advice} |\n")
    return "".join(parts)


if __name__ == "__main__":
    print(page(), end="")
