"""The report's document: every section and field, from the schema of `minimascope.Report`."""

from __future__ import annotations

from typing import Any

from minimascope import Report

BEGIN = """# The report

What `minimascope analyze --output report.json`, `GET /analyses/{identifier}/report` and
`report.report` hold: one JSON document, whose schema is `minimascope.Report.model_json_schema()`.
Conditions of `--fail-if` name its fields. A field that a report does not have is null.
"""


def report_page() -> str:
    """The document itself, then what its fields are made of, by name."""
    schema = Report.model_json_schema()
    parts = [BEGIN, _section("Report", schema)]
    parts += [_section(name, each) for name, each in sorted(schema["$defs"].items())]
    return "\n\n".join(parts) + "\n"


def _section(name: str, schema: dict[str, Any]) -> str:
    words = schema.get("description", "").replace("<", "&lt;").replace("*", "\\*")
    fields = schema.get("properties", {})
    rows = [f"| `{key}` | {_kind(each)} | {_plain(each)} |" for key, each in fields.items()]
    table = "\n".join(["| field | is | |", "|---|---|---|", *rows]) if rows else ""
    values = ", ".join(f"`{each}`" for each in schema.get("enum", []))
    return "\n\n".join(part for part in (f"## {name}", words, table, values) if part)


def _plain(field: dict[str, Any]) -> str:
    return " ".join(field.get("description", "").split()).replace("|", "\\|").replace("<", "&lt;")


def _kind(field: dict[str, Any]) -> str:
    """In words, with links to the sections."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in field:
        return " or ".join(_kind(each) for each in field["anyOf"])
    if "enum" in field:
        return ", ".join(f"`{each}`" for each in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if field.get("type") == "array":
        held = field.get("items") or field.get("prefixItems", [{}])[0]
        return f"list of {_kind(held)}"
    if field.get("type") == "object" and isinstance(field.get("additionalProperties"), dict):
        return f"table of {_kind(field['additionalProperties'])}"
    return str(field.get("type", "any"))
