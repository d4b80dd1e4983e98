"""A bucket behind the store: S3, GCS or Azure by URL, through obstore (extra `s3`).

Every file is in the bucket before it is visible on the local disk, which is then a cache of it:
another API process, or this one on a new disk, fetches what it lacks. Credentials come from the
provider's own environment variables.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from minimascope.contract.problems import ProblemError

CLIENT = {"timeout": "600s", "connect_timeout": "5s", "allow_http": True}
RETRY = {"max_retries": 3, "retry_timeout": timedelta(seconds=15)}


def _unavailable(error: Exception) -> ProblemError:
    reason = " ".join(str(error).split())[:200]
    return ProblemError(
        "store_unavailable",
        f"The object store does not take or give files ({type(error).__name__}: {reason}).",
        "See MINIMASCOPE_STORE_URL and the provider's credentials.",
    )


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    from obstore.exceptions import BaseError, NotFoundError

    try:
        yield
    except (FileNotFoundError, NotFoundError) as error:
        raise FileNotFoundError(str(error)) from error
    except BaseError as error:
        raise _unavailable(error) from error


class Bucket:
    """Objects under the keys that the files have below the local folder."""

    def __init__(self, url: str, folder: Path) -> None:
        try:
            import obstore
        except ImportError as error:
            raise ProblemError(
                "no_obstore", f"The store {url[:80]!r} needs the package obstore."
            ) from error
        self._obstore, self._folder = obstore, folder
        self._store: Any = obstore.store.from_url(url, client_options=CLIENT, retry_config=RETRY)
        self._etags: dict[str, str] = {}

    def _key(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix()

    def put(self, file: Path, path: Path) -> None:
        """Uploads a whole `file` as the object of `path`."""
        with _in_words():
            self._obstore.put(self._store, self._key(path), file)

    def fetch(self, path: Path) -> None:
        """Brings the object of `path` to the local disk unless the same one is there.

        Raises FileNotFoundError.
        """
        from obstore.exceptions import NotModifiedError

        key = self._key(path)
        known = self._etags.get(key) if path.exists() else None
        with _in_words(), contextlib.suppress(NotModifiedError):
            found = self._obstore.get(
                self._store, key, options={"if_none_match": known} if known else None
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{uuid.uuid4().hex}")
            with temporary.open("xb") as file:
                for chunk in found.stream(min_chunk_size=1 << 20):
                    file.write(chunk)
            os.replace(temporary, path)
            self._etags[key] = str(found.meta.get("e_tag") or "")

    def copy(self, source: Path, target: Path) -> None:
        with _in_words():
            self._obstore.copy(self._store, self._key(source), self._key(target))

    def names(self, folder: Path) -> list[str]:
        """Of the objects directly below a folder."""
        prefix = f"{self._key(folder)}/"
        with _in_words():
            pages = self._obstore.list(self._store, prefix=prefix)
            return [item["path"].rpartition("/")[2] for page in pages for item in page]

    def sizes(self, folder: Path) -> list[tuple[Path, int]]:
        """Every object below a folder, with its bytes."""
        with _in_words():
            pages = self._obstore.list(self._store, prefix=f"{self._key(folder)}/")
            return [(self._folder / item["path"], item["size"]) for page in pages for item in page]

    def delete(self, *paths: Path) -> None:
        keys = [self._key(path) for path in paths]
        with contextlib.suppress(FileNotFoundError), _in_words():
            if keys:
                self._obstore.delete(self._store, keys)
        for key in keys:
            self._etags.pop(key, None)
