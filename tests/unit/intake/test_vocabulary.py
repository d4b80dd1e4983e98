"""Words of a tokenizer's ids, as its own decoder writes them; what says none gives none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from minimascope.intake.weights.vocabulary import words_of

TEXT = ["Größe: 3 µm, not small.", "not a\nnew word, the same word"]


def byte_level() -> Tokenizer:
    """As GPT-2's."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.train_from_iterator(TEXT, trainers.BpeTrainer(vocab_size=60, special_tokens=["<s>"]))
    return made


def test_words_are_what_the_tokenizer_itself_decodes() -> None:
    made = byte_level()
    words = words_of(json.loads(made.to_str()))
    assert len(words) == made.get_vocab_size()
    for text in TEXT:
        ids = made.encode(text).ids
        assert [words[i] for i in ids] == [made.decode([i]) for i in ids]
    assert words[made.token_to_id("<s>")] == "<s>"
    assert words_of(made.get_vocab())[made.encode(" not").ids[0]].startswith(" ")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"model": {"type": "WordPiece", "vocab": {"play": 0, "##ing": 1}}}, ["play", "ing"]),
        ({"model": {"type": "Unigram", "vocab": [["<s>", 0], ["▁a", -1.5]]}}, ["<s>", " a"]),
        ({"a": 2}, ["", "", "a"]),
        ({"a": 10**9}, []),
        ({"a": -1}, []),
        ({"a": "b"}, []),
        ({"model": {"vocab": 3}}, []),
        ({"model": {"vocab": [[], "a", [7, 1]]}}, []),
        ({}, []),
    ],
)
def test_other_kinds_of_tokenizers_and_what_is_none(
    table: dict[str, Any], words: list[str]
) -> None:
    assert words_of(table) == words
