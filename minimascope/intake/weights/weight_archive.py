"""A zip of weights: one file or shards with their index, with or without a config.json.

What a model folder of the Hugging Face hub holds, zipped: .safetensors, or pytorch_model.bin where
there are none. Of a tokenizer the words of its ids are read; READMEs and pickled twins of the
weights are left unread.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

from torch import Tensor

from minimascope.contract.problems import ProblemError
from minimascope.intake.files import formats, safetensors_format
from minimascope.intake.files.formats import records
from minimascope.intake.files.safetensors_format import damaged
from minimascope.intake.files.taken import Row, left, named
from minimascope.intake.files.tensor_checks import check_tensors
from minimascope.intake.weights import adapter, state_dict, torch_file, vocabulary

JSON_BYTES = 16 << 20
SUFFIX = ".safetensors"
# What transformers' Trainer leaves beside the weights, and the name it is read under.
TRAINING = {
    "training_args.bin": "training_args",
    "optimizer.pt": "optimizer",
    "scheduler.pt": "scheduler",
}
INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")


def _content(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        return archive.read(name)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError) as error:
        raise damaged(f"{name[:100]!r} cannot be unpacked") from error


def _table(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    """The JSON object in one record."""
    if archive.getinfo(name).file_size > JSON_BYTES:
        raise damaged(f"{name[:100]!r} has more than {JSON_BYTES} bytes")
    try:
        value = json.loads(_content(archive, name))
    except (ValueError, RecursionError) as error:
        raise damaged(f"{name[:100]!r} is not JSON") from error
    if not isinstance(value, dict):
        raise damaged(f"{name[:100]!r} is not a table")
    return value


def _tensors(content: bytes, name: str, torch_files: str) -> dict[str, Tensor]:
    """The tensors of one record."""
    if name.endswith(SUFFIX):
        tensors = safetensors_format.read(io.BytesIO(content), len(content))
    elif torch_files == "refused":
        raise torch_file.not_here()
    else:
        kind = formats.recognise(io.BytesIO(content))
        if kind not in ("torch_zip", "torch_legacy"):
            raise damaged(f"{name[:100]!r} is no file of torch.save")
        saved, _ = torch_file.read(io.BytesIO(content), zipped=kind == "torch_zip")
        tensors = state_dict.pick(saved).tensors
        check_tensors(tensors, file_bytes=len(content))
    return tensors


def _read_shards(
    archive: zipfile.ZipFile, names: list[str], torch_files: str
) -> dict[str, dict[str, Tensor]]:
    """Tensors of each shard by the shard's leaf name, no tensor in two shards."""
    shards: dict[str, dict[str, Tensor]] = {}
    seen: set[str] = set()
    for name in sorted(names):
        tensors = _tensors(_content(archive, name), name, torch_files)
        twice = seen & set(tensors)
        if twice:
            raise damaged(f"tensor {min(twice)[:100]!r} is in two of its shards")
        seen |= set(tensors)
        shards[name.rsplit("/", 1)[-1]] = tensors
    return shards


def _check_index(index: dict[str, Any], shards: dict[str, dict[str, Tensor]]) -> None:
    """Every tensor the index names is in the shard it names, and no others are there."""
    places = index.get("weight_map")
    if not isinstance(places, dict):
        raise damaged("its index has no weight_map")
    for name, shard in places.items():
        if name not in shards.get(str(shard), {}):
            raise damaged(f"{name[:100]!r} is not in {str(shard)[:60]!r}, where the index puts it")
    unlisted = {name for tensors in shards.values() for name in tensors} - set(places)
    if unlisted:
        raise damaged(f"tensor {min(unlisted)[:100]!r} is not in the index")


@dataclass(frozen=True)
class Archive:
    """What a zip of weights holds: tensors, the model's config.json, what a Trainer left, how they
    were found, and the words of its tokenizer's ids."""

    tensors: dict[str, Tensor]
    config: dict[str, Any] | None
    saved: dict[str, Any]
    said: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    words: list[str] = field(default_factory=list)


def read(source: BinaryIO, *, torch_files: str = "taken") -> Archive:
    """All tensors of the archive, a LoRA adapter beside them merged.

    `torch_files` "refused" takes no pytorch_model.bin. Raises ProblemError: file_damaged (also
    an index that disagrees with its shards), deflate_bomb, tensor_refused, pickle_refused,
    torch_file_refused, adapter_without_base.
    """
    names = [entry.filename for entry in records(source)]
    with zipfile.ZipFile(source) as archive:
        changes = _adapter(archive, names, torch_files)
        weights = _weights_of(names)
        if not weights:
            raise adapter.without_base(changes[1] if changes else None)
        found = _model(archive, names, weights, torch_files)
    if changes is None:
        return found
    tensors, said, rows = adapter.merged(found.tensors, *changes)
    return replace(found, tensors=tensors, said=said, rows=[*found.rows, *rows])


def _weights_of(names: list[str]) -> list[str]:
    """The files of the model's own weights: .safetensors, else pytorch_model.bin."""
    own = [name for name in names if name.rsplit("/", 1)[-1] not in adapter.FILES]
    weights = [name for name in own if name.endswith(SUFFIX)]
    return weights or [name for name in own if formats.HUB_WEIGHTS.search(name)]


def _adapter(
    archive: zipfile.ZipFile, names: list[str], torch_files: str
) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """A LoRA adapter in the archive, and its config."""
    found = [name for name in names if name.rsplit("/", 1)[-1] in adapter.FILES]
    if not found:
        return None
    if len(found) > 1:
        raise _several(len(found), "adapters")
    config = f"{found[0].rpartition('/')[0]}/{adapter.CONFIG}".lstrip("/")
    told = _table(archive, config) if config in names else {}
    return _tensors(_content(archive, found[0]), found[0], torch_files), told


def _several(count: int, what: str) -> ProblemError:
    return ProblemError(
        "not_a_checkpoint",
        f"The zip holds {what} in {count} folders; one model is needed.",
        "Zip the folder of one model.",
    )


def _model(
    archive: zipfile.ZipFile, names: list[str], weights: list[str], torch_files: str
) -> Archive:
    """The one model of the archive."""
    folders = {name.rpartition("/")[0] for name in weights}
    if len(folders) > 1:
        raise _several(len(folders), "weights")
    folder = f"{folders.pop()}/" if folders != {""} else ""
    shards = _read_shards(archive, weights, torch_files)
    index = f"{folder}{INDEXES[not weights[0].endswith(SUFFIX)]}"
    if index in names:
        _check_index(_table(archive, index), shards)
    config = f"{folder}config.json"
    found = _table(archive, config) if config in names else None
    saved = _training(archive, folder, set(names), torch_files)
    tensors = {name: t for shard in shards.values() for name, t in shard.items()}
    told, words = _words(archive, folder, names)
    rows = _rows(names, weights, found, saved, told)
    return Archive(tensors, found, saved, rows=rows, words=words)


def _words(archive: zipfile.ZipFile, folder: str, names: list[str]) -> tuple[list[str], list[str]]:
    """The record that says a tokenizer's words, and these; a tokenizer is never a reason to
    refuse a network."""
    for name in (f"{folder}{leaf}" for leaf in vocabulary.FILES):
        if name in names:
            try:
                words = vocabulary.words_of(_table(archive, name))
            except ProblemError:
                continue
            if words:
                return [name], words
    return [], []


def _rows(
    names: list[str],
    weights: list[str],
    config: dict[str, Any] | None,
    saved: dict[str, Any],
    tokenizer: list[str],
) -> list[Row]:
    """What became of each file of the archive."""
    rows = [Row(named(weights), "the weights")]
    rows += [Row("config.json", "the network")] if config is not None else []
    rows += [Row(named(sorted(saved)), "what they say of the training")] if saved else []
    rows += [Row(named(tokenizer), "the words of tokens, to show them")] if tokenizer else []
    read = {
        *weights,
        *tokenizer,
        "config.json",
        "trainer_state.json",
        *TRAINING,
        *INDEXES,
        adapter.CONFIG,
    }
    read |= set(adapter.FILES)
    others = [n for n in names if n.rsplit("/", 1)[-1] not in read and n not in read]
    others = [name for name in others if not name.endswith("/")]
    return rows + [left(named(others), "no weights, not opened")] * bool(others)


def _training(
    archive: zipfile.ZipFile, folder: str, names: set[str], torch_files: str
) -> dict[str, Any]:
    """The files of a Trainer as one saved value; one that cannot be read says nothing."""
    saved: dict[str, Any] = {}
    state = f"{folder}trainer_state.json"
    if state in names:
        saved["trainer_state"] = _table(archive, state)
    for leaf, key in TRAINING.items():
        if torch_files == "refused" or f"{folder}{leaf}" not in names:
            continue
        content = io.BytesIO(_content(archive, f"{folder}{leaf}"))
        try:
            zipped = formats.recognise(content) == "torch_zip"
            content.seek(0)
            saved[key], _ = torch_file.read(content, zipped=zipped)
        except ProblemError:
            continue
    return saved
