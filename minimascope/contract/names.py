"""Names that strangers give: what cannot be seen in a name is written out, once, where it comes in.

A right-to-left override makes `exe.gpj` look like a picture, a control character moves a terminal's
cursor, NUL ends a name for one program and not for another, half a surrogate pair cannot be sent as
UTF-8 at all. Out of files they come through the parsers' one door (`intake.sandbox.parser_server`),
from people through the documents of the API.
"""

from __future__ import annotations

import re
from typing import Any

# Control characters, with the separators of lines that Unicode adds; surrogates; marks and
# overrides of writing direction (Unicode Standard Annex 9).
UNSEEN = re.compile(
    "[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


def visible(text: str) -> str:
    """The text with each such character as its number, e.g. \\u202e."""
    return UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def all_visible(value: Any) -> Any:
    """The same for every text in a value of JSON, keys too."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {all_visible(key): all_visible(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [all_visible(each) for each in value]
    return value


def seen(text: str) -> str:
    """The text itself; raises ValueError where a character of it cannot be seen."""
    if found := UNSEEN.search(text):
        raise ValueError(f"holds a character that cannot be seen, {visible(found[0])}")
    return text
