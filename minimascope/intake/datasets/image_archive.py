"""A zip of images, class = name of the folder: decoded by Pillow inside the sandbox.

All images get the size of the first one, RGB or grey as the first one is, values in [0, 1] by
division by 255; no mean is taken away, so the network must have been trained on such inputs.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Any, BinaryIO

import numpy as np

from minimascope.contract.problems import ProblemError
from minimascope.intake.files.formats import IMAGES, records
from minimascope.intake.files.safetensors_format import damaged

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
            "pip install 'minimascope[images]', or send arrays X and y as .npz.",
        ) from error
    PIL.Image.MAX_IMAGE_PIXELS = SIDE_MOST * SIDE_MOST
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


def _pixels(image: Any, mode: str, size: tuple[int, int]) -> np.ndarray:
    """C × H × W in [0, 1], float32."""
    fitted = image.convert(mode)
    if fitted.size != size:
        fitted = fitted.resize(size, resample=2)  # bilinear
    values = np.asarray(fitted, dtype=np.float32) / 255
    return values[None] if mode == "L" else values.transpose(2, 0, 1)


def read(source: BinaryIO) -> tuple[dict[str, np.ndarray], list[str]]:
    """X (n × C × H × W, float32 in [0, 1]), y (n texts), and what was done to the images.

    Raises ProblemError: file_damaged, not_a_dataset, pillow_missing, deflate_bomb.
    """
    names = _images(source)
    labels = [_class(name) for name in names]
    rows: list[np.ndarray] = []
    mode, size, resized = "", (0, 0), 0
    with zipfile.ZipFile(source) as archive:
        for name in names:
            content = _unpacked(archive, name)
            image = _decoded(content, name)
            if not rows:
                mode, size = image.mode, image.size
                _check_total(len(names), mode, size)
            resized += image.size != size
            rows.append(_pixels(image, mode, size))
    said = [
        f"Images were read as {'grey' if mode == 'L' else 'RGB'} {size[0]} × {size[1]}, values "
        "divided by 255; no mean or deviation was applied."
    ]
    if resized:
        said.append(f"{resized} images of another size were resized to that of the first.")
    return {"X": np.stack(rows), "y": np.array(labels)}, said


def _check_total(count: int, mode: str, size: tuple[int, int]) -> None:
    numbers = count * size[0] * size[1] * (1 if mode == "L" else 3)
    if numbers > NUMBERS_MOST:
        raise ProblemError(
            "not_a_dataset",
            f"{count} images of {size[0]} × {size[1]} are {numbers} numbers, more than "
            f"{NUMBERS_MOST}.",
            "Send a subset: a few thousand images tell as much.",
        )
