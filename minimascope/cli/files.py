"""Files that a command is given, refused in one sentence each; links are followed, folders packed.

A command runs as the person who owns the link, so it reads what the link points to: every file of
the Hugging Face cache is one, and Lightning's last.ckpt.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from minimascope.contract.problems import ProblemError

Kind = Literal["checkpoint", "dataset"]


def existing(text: str | Path) -> Path:
    """The file itself, links followed. Raises ProblemError `no_such_file`."""
    path = Path(text).expanduser()
    if path.is_dir():
        raise ProblemError("no_such_file", f"{str(text)!r} is a folder; a file is needed.")
    return _followed(path, text)


def _followed(path: Path, text: str | Path) -> Path:
    if path.is_file():
        return path.resolve()
    if path.is_symlink():
        to = os.readlink(path)
        raise ProblemError(
            "no_such_file",
            f"{str(text)!r} is a link to {to[:200]!r}, where there is nothing.",
            "Download it again, or name the file itself.",
        )
    raise ProblemError("no_such_file", f"There is no file {str(text)!r}.")


def given(text: str | Path, kind: Kind) -> Path:
    """A file as `existing`, or a folder as one file: what save_pretrained, a Trainer, `datasets`
    or the hub's cache leave, packed without compression and gone with this process.

    Raises ProblemError: no_such_file, and those of `folders.packed`.
    """
    from minimascope.cli.folders import packed

    path = Path(text).expanduser()
    return packed(path.resolve(), kind) if path.is_dir() else _followed(path, text)


def writable(path: str | Path) -> None:
    """Raises ProblemError `cannot_write` before hours of work rather than after them."""
    path = Path(path).expanduser()
    if path.is_dir():
        reason, advice = "it is a folder", "Name a file in it."
    elif not path.parent.is_dir():
        reason, advice = f"there is no folder {str(path.parent)!r}", "Make the folder first."
    elif not os.access(path.parent, os.W_OK):
        reason, advice = "its folder may not be written to", "Choose another file."
    else:
        return
    raise ProblemError("cannot_write", f"Cannot write {str(path)!r}: {reason}.", advice)
