"""A zip of images, class = name of the folder: decoded by Pillow inside the sandbox.

All have the size of the first one, RGB or grey as the first one is, values in [0, 1] by division by
255; no mean is taken away, so the network must have been trained on such inputs.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from minimascope.contract.extras import adding
from minimascope.contract.problems import ProblemError
from minimascope.intake.datasets import splits
from minimascope.intake.datasets.found import Found
from minimascope.intake.files.formats import IMAGES, records
from minimascope.intake.files.safetensors_format import damaged
from minimascope.intake.files.taken import Row, left

Size = tuple[int, int]  # height and width
SIDE_MOST = 1024
NUMBERS_MOST = 1 << 27
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "PPM", "TIFF")


def _pillow() -> Any:
    try:
        import PIL.Image
    except ImportError as error:
        raise ProblemError(
            "pillow_missing",
            "This is a zip of images, and Pillow is not installed on this worker.",
            f"{adding('images')}, or send arrays X and y as .npz.",
        ) from error
    return PIL.Image


def _decoded(content: bytes, name: str) -> Any:
    """One image, RGB or L. Raises ProblemError: file_damaged, not_a_dataset (too large)."""
    pillow = _pillow()
    try:
        image = pillow.open(io.BytesIO(content), formats=FORMATS)
        if max(image.size) > SIDE_MOST:
            raise ProblemError(
                "not_a_dataset",
                f"Image {name[-100:]!r} has {image.size[0]} × {image.size[1]} pixels, more than "
                f"{SIDE_MOST} on a side.",
                "Send the images at the size the network was trained on.",
            )
        return image.convert("L" if image.mode in ("1", "L", "I;16", "I", "F") else "RGB")
    except (OSError, ValueError, SyntaxError, EOFError, pillow.DecompressionBombError) as error:
        raise damaged(f"image {name[-100:]!r} cannot be decoded") from error
    except (KeyError, IndexError, TypeError, OverflowError, zlib.error) as error:
        raise damaged(f"image {name[-100:]!r} cannot be decoded") from error


def _class(name: str) -> str:
    parts = name.split("/")
    if len(parts) < 2 or not parts[-2]:
        raise ProblemError(
            "not_a_dataset",
            f"Image {name[-100:]!r} lies in no folder, so it has no class.",
            "Put each image into a folder named as its class: cat/1.png, dog/2.png.",
        )
    return parts[-2]


def _split_of(name: str) -> str:
    """The path above the folder of the class, which may be named as a split."""
    return "/".join([*name.split("/")[:-2], "image"])


def _unlabelled(names: list[str]) -> list[str]:
    """Images right under train/ or test/, where others lie in folders of their class."""
    deep = any(splits.of_file(_split_of(name)) for name in names)
    return [n for n in names if deep and splits.word((["", *n.split("/")])[-2])]


def _images(source: BinaryIO) -> list[str]:
    return sorted(
        entry.filename
        for entry in records(source)
        if entry.filename.lower().endswith(IMAGES) and "__MACOSX/" not in entry.filename
    )


def _unpacked(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        return archive.read(name)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError) as error:
        raise damaged(f"image {name[-100:]!r} cannot be unpacked") from error


def _pixels(image: Any, mode: str) -> np.ndarray:
    """C × H × W in [0, 1], float32."""
    values = np.asarray(image.convert(mode), dtype=np.float32) / 255
    return values[None] if mode == "L" else values.transpose(2, 0, 1)


def read(source: BinaryIO, role: splits.Role = "train", resize: Size | None = None) -> Found:
    """X (n × C × H × W, float32 in [0, 1]) and y (n texts) of the images for one purpose.

    Raises ProblemError: file_damaged, not_a_dataset, pillow_missing, deflate_bomb, sizes_differ,
    split_missing.
    """
    every = _images(source)
    without = _unlabelled(every)
    labelled = [name for name in every if name not in set(without)]
    own, said, rows = splits.paths_for([_split_of(n) for n in labelled], role, "images")
    kept = set(own)
    names = [name for name in labelled if _split_of(name) in kept]
    labels = [_class(name) for name in names]
    if without:
        rows.append(left(f"{len(without)} images", "in no folder of a class"))
        said.append(f"{len(without)} images lie in no folder of a class and were left.")
    with zipfile.ZipFile(source) as archive:
        found = ((_unpacked(archive, n), n) for n in names)
        images, done = stacked(found, len(names), resize)
    rows.append(Row(f"{len(names)} images", "the inputs, their folders the labels"))
    return Found({"X": images, "y": np.array(labels)}, [*done, *said], rows)


def stacked(
    images: Iterator[tuple[bytes, str]], count: int, resize: Size | None = None
) -> tuple[np.ndarray, list[str]]:
    """Images of one size as n × C × H × W, float32 in [0, 1], and what was done to them.

    `resize`: height and width that all of them get, bilinear with antialiasing, which is what
    torchvision's Resize does to images of Pillow.
    Raises ProblemError: file_damaged, not_a_dataset, pillow_missing, sizes_differ.
    """
    rows: list[np.ndarray] = []
    mode, size, own = "", (0, 0), set[tuple[int, int]]()
    for content, name in images:
        image = _decoded(content, name)
        own.add(image.size)
        if resize is not None:
            image = image.resize(resize[::-1], _pillow().Resampling.BILINEAR)
        if not rows:
            mode, size = image.mode, image.size
            _check_total(count, mode, size)
        if image.size != size:
            raise _other_size(name, image.size, size)
        rows.append(_pixels(image, mode))
    if not rows:
        raise ProblemError("empty_data", "There is no image in the file.")
    said = [
        f"Images were read as {'grey' if mode == 'L' else 'RGB'} {size[0]} × {size[1]}, values "
        "divided by 255; no mean or deviation was applied."
    ]
    if resize is not None:
        kinds = "One size" if len(own) == 1 else f"{len(own)} sizes"
        said.append(
            f"{kinds} of images resized to {resize[0]} × {resize[1]}, bilinear, nothing cut."
        )
    return np.stack(rows), said


def _other_size(name: str, size: tuple[int, int], first: tuple[int, int]) -> ProblemError:
    return ProblemError(
        "sizes_differ",
        f"Image {name[-100:]!r} has {size[0]} × {size[1]} pixels, the first has {first[0]} × "
        f"{first[1]}.",
        "Say the height x width that training resized them to: --resize 64x64 (the field Resize "
        'images). If it cropped them, do so to the files, for example python -c "import pathlib, '
        "PIL.Image as I; [I.open(p).resize((64, 64)).save(p) for p in "
        "pathlib.Path().rglob('*.png')]\"",
    )


def _check_total(count: int, mode: str, size: tuple[int, int]) -> None:
    numbers = count * size[0] * size[1] * (1 if mode == "L" else 3)
    if numbers > NUMBERS_MOST:
        raise ProblemError(
            "not_a_dataset",
            f"{count} images of {size[0]} × {size[1]} are {numbers} numbers, more than "
            f"{NUMBERS_MOST}.",
            "Send a subset: a few thousand images tell as much.",
        )
