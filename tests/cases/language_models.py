"""Tiny language models as users keep them: folders of save_pretrained, zipped, and files of ids."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from torch import nn

WORDS, LENGTH, SEQUENCES = 15, 5, 3
PAD = 14
SMALL: dict[str, Any] = {"vocab_size": WORDS, "bos_token_id": 0, "eos_token_id": 0}
LLAMA = {"hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1}
BERT = {"hidden_size": 4, "intermediate_size": 6, "num_hidden_layers": 1, "num_attention_heads": 2}
KINDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "GPT-2": (
        "GPT2Config",
        "GPT2LMHeadModel",
        {"n_embd": 4, "n_layer": 1, "n_head": 2, "n_positions": LENGTH},
    ),
    "Llama": (
        "LlamaConfig",
        "LlamaForCausalLM",
        {**LLAMA, "num_attention_heads": 2, "num_key_value_heads": 1},
    ),
    "BERT": (
        "BertConfig",
        "BertForMaskedLM",
        {**BERT, "max_position_embeddings": LENGTH, "type_vocab_size": 1, "pad_token_id": PAD},
    ),
}
# Word by id; what begins a word begins with the letter that stands for a space.
VOCABULARY = ["<s>", *(f"Ġ{letter}" for letter in "abcdefghijklmn")]


def folder_of(kind: str, place: Path, **more: Any) -> tuple[nn.Module, Path]:
    """A model saved by save_pretrained with its words, zipped as the command line zips a folder.

    `more` goes into its config.
    """
    configuration, name, shape = KINDS[kind]
    torch.manual_seed(0)
    config = getattr(transformers, configuration)(**SMALL, **{**shape, **more})
    model = getattr(transformers, name)._from_config(config, attn_implementation="eager").eval()
    folder = place / "model"
    model.save_pretrained(folder)
    table = {"model": {"type": "BPE", "vocab": {text: k for k, text in enumerate(VOCABULARY)}}}
    (folder / "tokenizer.json").write_text(json.dumps(table))
    path = place / "model.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in ("config.json", "model.safetensors", "tokenizer.json"):
            archive.write(folder / file, file)
    return model, path


def tokens(place: Path, **more: np.ndarray) -> Path:
    """train.npz with the same ids as X and as y, or what `more` says."""
    X = np.random.default_rng(0).integers(1, PAD, (SEQUENCES, LENGTH))
    np.savez(place / "train.npz", **{"X": X, "y": X, **more})
    return place / "train.npz"
