"""The words of a tokenizer's ids, for showing tokens: nothing is ever tokenized with them.

A fast tokenizer of the hub has them in tokenizer.json, those of GPT-2's kind in vocab.json too. A
file that says something else, or too much, gives no words: then tokens are shown by number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

FILES = ("tokenizer.json", "vocab.json")
MOST, LETTERS, ALL_LETTERS = 400_000, 60, 6_000_000
SPACE, GOES_ON = "▁", "##"  # SentencePiece's mark of a space; WordPiece's of a word that goes on


def words_of(table: dict[str, Any]) -> list[str]:
    """Word by id of the JSON in one of FILES, "" where an id has none; [] where it says none."""
    entries = dict(_entries(table))
    if not entries or max(entries) >= MOST or min(entries) < 0:
        return []
    read = _reader(table, list(entries.values()))
    found = [""] * (max(entries) + 1)
    for number, text in entries.items():
        found[number] = read(text)[:LETTERS]
    return found if sum(map(len, found)) <= ALL_LETTERS else []


def _entries(table: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """Ids and their texts as the file has them."""
    model = table.get("model")
    inside = model.get("vocab") if isinstance(model, dict) else table
    if isinstance(inside, list):  # pairs of text and score, in the order of ids
        texts = [row[0] for row in inside if isinstance(row, list) and row]
        inside = {text: place for place, text in enumerate(texts) if isinstance(text, str)}
    if not isinstance(inside, dict):
        return
    yield from ((number, text) for text, number in inside.items() if type(number) is int)
    added = table.get("added_tokens")
    for row in added if isinstance(added, list) else []:
        if isinstance(row, dict) and type(row.get("id")) is int:
            yield row["id"], str(row.get("content", ""))


def _letters() -> dict[str, int]:
    """The letter by which GPT-2's tokenizer writes each byte (Radford et al. 2019, encoder.py)."""
    kept = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1)]
    kept += range(ord("®"), ord("ÿ") + 1)
    others = [byte for byte in range(256) if byte not in kept]
    moved = {chr(256 + place): byte for place, byte in enumerate(others)}
    return {chr(byte): byte for byte in kept} | moved


BYTES = _letters()


def _is_of_bytes(texts: list[str]) -> bool:
    """Whether texts are bytes as letters: Ġ begins words then, and none has a space within."""
    return any(text.startswith("Ġ") for text in texts) and not any("▁" in text for text in texts)


def _from_bytes(text: str) -> str:
    if any(letter not in BYTES for letter in text):
        return text
    return bytes(BYTES[letter] for letter in text).decode("utf-8", errors="replace")


def _reader(table: dict[str, Any], texts: list[str]) -> Callable[[str], str]:
    """How this tokenizer's texts are read."""
    model = table.get("model")
    if isinstance(model, dict) and model.get("type") == "WordPiece":
        return lambda text: text.removeprefix(GOES_ON)
    return _from_bytes if _is_of_bytes(texts) else lambda text: text.replace(SPACE, " ")
