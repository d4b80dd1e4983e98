"""Checkpoints and data sets of a server."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from minimascope.client import calls
from minimascope.client.connection import Connection, chunks
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import Upload, UploadKind, UploadPage
from minimascope.contract.weights import WeightReport, WeightsRequest


class Files(Connection):
    """What is stored."""

    def store(self, kind: UploadKind, file: str | Path | BinaryIO, *, name: str = "") -> Upload:
        """Streams a file, by its path or open; ProblemError with the inspection's code where it is
        refused, no_such_file where there is none.

        >>> upload = client.store("checkpoint", "model.safetensors")
        >>> upload.id, upload.inspection.state
        ('4f4f…', 'ok')
        """
        if isinstance(file, str | Path):
            path = Path(file).expanduser()
            if not path.is_file():
                raise ProblemError("no_such_file", f"There is no file {str(file)!r}.")
            with path.open("rb") as opened:
                return self.store(kind, opened, name=name or path.name)
        start = file.tell() if file.seekable() else 0
        return self.send(calls.store(kind, name, repeatable=file.seekable()), chunks(file, start))

    def upload(self, kind: UploadKind, identifier: str) -> Upload:
        """What the server found in a stored file.

        >>> client.upload("dataset", upload.id).inspection.summary
        {'n': 1000, 'input_shape': [2], 'classes': 2}
        """
        return self.send(calls.upload(kind, identifier))

    def uploads(
        self, kind: UploadKind, *, limit: int = 50, cursor: str | None = None
    ) -> UploadPage:
        """Your stored files, newest first; give `next` back as `cursor` for those after.

        >>> [each.name for each in client.uploads("checkpoint").items]
        ['model.safetensors']
        """
        return self.send(calls.uploads(kind, limit=limit, cursor=cursor))

    def delete_upload(self, kind: UploadKind, identifier: str) -> None:
        """Removes a stored file; ProblemError in_use where an analysis needs it.

        >>> client.delete_upload("checkpoint", upload.id)
        """
        self.send(calls.delete_upload(kind, identifier))

    def weights(self, checkpoint: str, *, against: str | None = None) -> WeightReport:
        """What a stored checkpoint's weights say without data; `against` is another's id.

        >>> client.weights(upload.id).rows[0].name
        '0.weight'
        """
        return self.send(calls.weights(WeightsRequest(checkpoint=checkpoint, against=against)))
