"""What a file is, by its first bytes and, for a zip, by its list of records. Names are ignored."""

from __future__ import annotations

import re
import zipfile
from typing import BinaryIO, Literal

from minimascope.contract.folder_files import SHARD, STATES
from minimascope.contract.problems import ProblemError
from minimascope.intake.files.known import check_records, check_start, unsupported
from minimascope.intake.files.safetensors_format import damaged

Checkpoints = Literal[
    "safetensors", "torch_zip", "torch_legacy", "torchscript", "pt2", "weight_zip", "shards_zip"
]
Format = Literal[Checkpoints, "npz", "csv", "image_zip", "table_zip", "parquet"]

TORCH_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
HUB_WEIGHTS = re.compile(r"(^|/)(pytorch_model(-\d{5}-of-\d{5})?|adapter_model)\.bin$")
RECORDS = 100_000
IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".tif", ".tiff")
TABLES = (".csv", ".tsv", ".parquet", ".arrow", ".npz")
INFLATION = 20
SPARE_BYTES = 64 << 20
HEAD_BYTES = 1024


def size_of(file: BinaryIO) -> int:
    """Bytes in an open file; leaves it at its start."""
    size = file.seek(0, 2)
    file.seek(0)
    return size


def records(file: BinaryIO) -> list[zipfile.ZipInfo]:
    """The records of a zip, checked against tricks; leaves the file at its start.

    Raises ProblemError: file_damaged (not a zip after all, a name twice, encrypted or
    overlapping records, too many), deflate_bomb (unpacks to far more than it holds).
    """
    size = size_of(file)
    try:
        found = zipfile.ZipFile(file).infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise damaged("it begins like a zip archive but is not a whole one") from error
    finally:
        file.seek(0)
    if len(found) > RECORDS:
        raise damaged(f"it has {len(found)} records, more than {RECORDS}")
    if len({record.filename for record in found}) != len(found):
        raise damaged("two of its records have the same name")
    if any(record.flag_bits & 1 for record in found):
        raise damaged("its records are encrypted")
    if sum(record.compress_size for record in found) > size:
        raise damaged("its records overlap")
    unpacked = sum(record.file_size for record in found)
    if unpacked > INFLATION * size + SPARE_BYTES:
        raise ProblemError(
            "deflate_bomb",
            f"The archive of {size} bytes would unpack to {unpacked} bytes.",
            "Save it without compression.",
        )
    return found


def _zip_format(file: BinaryIO) -> Format:
    entries = records(file)
    names = [record.filename for record in entries]
    check_records(names)
    if any(name.endswith((SHARD, *STATES)) for name in names):
        return "shards_zip"
    leaves = {name.split("/", 1)[-1] for name in names}
    if "models/model.json" in leaves or "archive_format" in leaves:
        return "pt2"
    if "constants.pkl" in leaves:
        return "torchscript"
    if "data.pkl" in leaves:
        return "torch_zip"
    if any(name.endswith(".safetensors") or HUB_WEIGHTS.search(name) for name in names):
        return "weight_zip"
    if any(name.lower().endswith(IMAGES) for name in names):
        return "image_zip"
    if any(name.lower().endswith(TABLES) for name in names):
        return "table_zip"
    if names and all(name.endswith(".npy") for name in names):
        return "npz"
    raise unsupported("a zip archive without weights, arrays or images in it")


def recognise(file: BinaryIO) -> Format | None:
    """The format of an open file, None where nothing is recognised.

    Raises ProblemError: unsupported_format, pickle_refused (a bare pickle), and those of
    `records`.
    """
    head = file.read(HEAD_BYTES)
    file.seek(0)
    if head.startswith(b"PK\x03\x04"):
        return _zip_format(file)
    if head.startswith((b"PAR1", b"ARROW1\0\0", b"\xff\xff\xff\xff")):
        return "parquet"
    if head.startswith(TORCH_MAGIC):
        return "torch_legacy"
    if head[8:9] == b"{":
        return "safetensors"
    if len(head) > 1 and head[0] == 0x80 and head[1] in range(2, 6):
        raise pickle_refused("is a bare pickle")
    check_start(head)
    return None


def pickle_refused(what: str) -> ProblemError:
    """Pickles are programs: none is run."""
    return ProblemError(
        "pickle_refused",
        f"The file {what}: loading it would run code, so it was not loaded.",
        "Save only the weights: torch.save(model.state_dict(), path), or use .safetensors.",
    )
