"""A zip of .safetensors: one file or shards with their index, with or without a config.json.

What a model folder of the Hugging Face hub holds, zipped. Tokenizers, READMEs and pickled twins
of the weights in it are left unread.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from typing import Any, BinaryIO

from torch import Tensor

from minimascope.problems import ProblemError
from workers.intake import safetensors_format
from workers.intake.formats import records
from workers.intake.safetensors_format import damaged

JSON_BYTES = 16 << 20
SUFFIX, INDEX = ".safetensors", ".safetensors.index.json"


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


def _read_shards(archive: zipfile.ZipFile, names: list[str]) -> dict[str, dict[str, Tensor]]:
    """Tensors of each shard by the shard's leaf name, no tensor in two shards."""
    shards: dict[str, dict[str, Tensor]] = {}
    seen: set[str] = set()
    for name in sorted(names):
        content = _content(archive, name)
        tensors = safetensors_format.read(io.BytesIO(content), len(content))
        tensors = {key: tensor.clone() for key, tensor in tensors.items()}
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


def read(source: BinaryIO) -> tuple[dict[str, Tensor], dict[str, Any] | None]:
    """All tensors of the archive by name, and the model's config.json if there is one.

    Raises ProblemError: file_damaged (also an index that disagrees with its shards),
    deflate_bomb, tensor_refused.
    """
    names = [entry.filename for entry in records(source)]
    weights = [name for name in names if name.endswith(SUFFIX)]
    folders = {name.rpartition("/")[0] for name in weights}
    if len(folders) > 1:
        raise ProblemError(
            "not_a_checkpoint",
            f"The zip holds weights in {len(folders)} folders; one model is needed.",
            "Zip the folder of one model.",
        )
    folder = f"{folders.pop()}/" if folders != {""} else ""
    with zipfile.ZipFile(source) as archive:
        shards = _read_shards(archive, weights)
        indexes = [name for name in names if name == f"{folder}model{INDEX}"]
        if indexes:
            _check_index(_table(archive, indexes[0]), shards)
        config = f"{folder}config.json"
        found = _table(archive, config) if config in names else None
    return {name: t for tensors in shards.values() for name, t in tensors.items()}, found
