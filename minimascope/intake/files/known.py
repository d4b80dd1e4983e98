"""Formats that are recognised by their bytes and not taken: their right name, and what to do.

Each cure is a command to paste; file names stand for the person's own.
"""

from __future__ import annotations

import re

from minimascope.contract.problems import ProblemError

TAKEN = (
    "Checkpoints: .safetensors, a .pt/.pth/.bin/.ckpt state dict, .pt2, or a zipped model "
    "folder. Data: .npz, .safetensors, .csv, .parquet, a pair saved by torch.save, or folders of "
    "images as zip."
)
_KERAS = (
    'KERAS_BACKEND=torch python -c "import keras, torch, minimascope; '
    "m = keras.models.load_model('{0}'); "
    "minimascope.export(torch.nn.Sequential(m), torch.zeros(2, *m.input_shape[1:]), 'model.pt2')\""
)
_HDF5 = (
    "python -c \"import h5py, numpy; f = h5py.File('data.h5'); "
    "numpy.savez('data.npz', **{k: f[k][()] for k in f})\""
)
_ONNX = (
    'pip install onnx onnx2torch; python -c "import onnx, onnx2torch, torch, minimascope; '
    "o = onnx.load('model.onnx'); "
    "s = [d.dim_value for d in o.graph.input[0].type.tensor_type.shape.dim]; "
    "minimascope.export(onnx2torch.convert(o), torch.zeros(2, *s[1:]), 'model.pt2')\""
)
_GGUF = (
    'pip install gguf; python -c "import gguf, torch, safetensors.torch as s; '
    "r = gguf.GGUFReader('model.gguf'); s.save_file({t.name: "
    "torch.from_numpy(gguf.dequantize(t.data, t.tensor_type).copy()) for t in r.tensors}, "
    "'model.safetensors')\""
)
_MATLAB = (
    "python -c \"import scipy.io, numpy; d = scipy.io.loadmat('data.mat'); numpy.savez("
    "'data.npz', **{k: v for k, v in d.items() if k[0] != '_'})\""
)
_EXCEL = (
    "python -c \"import pandas; pandas.read_excel('data.xlsx').to_csv('data.csv', index=False)\""
)
_NPY = "python -c \"import numpy as n; n.savez('data.npz', X=n.load('X.npy'), y=n.load('y.npy'))\""
_FEATHER = (
    "python -c \"import pandas; pandas.read_feather('data.feather').to_parquet('data.parquet')\""
)
_SQLITE = (
    'python -c "import sqlite3, pandas; '
    "pandas.read_sql('select * from TABLE', sqlite3.connect('data.db')).to_csv('data.csv', "
    'index=False)"'
)
DCP = "python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER model.pt"
ZERO = "python zero_to_fp32.py . joined"
_UNPACK = "Unpack it first: {0}"

# Where the bytes stand, the bytes, the name, what to do.
_SIGNS: tuple[tuple[int, bytes, str, str], ...] = (
    (
        0,
        b"\x89HDF\r\n",
        "an HDF5 file",
        f"A Keras model: {_KERAS.format('model.h5')} Data: {_HDF5}",
    ),
    (0, b"GGUF", "a GGUF file", f"{_GGUF} Quantised weights are rounded ones."),
    (0, b"\x1f\x8b", "a gzip archive", _UNPACK.format("gunzip FILE.gz (tar xzf FILE.tar.gz)")),
    (0, b"BZh", "a bzip2 archive", _UNPACK.format("bunzip2 FILE.bz2")),
    (0, b"\xfd7zXZ\0", "an xz archive", _UNPACK.format("unxz FILE.xz")),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard archive", _UNPACK.format("zstd -d FILE.zst")),
    (0, b"7z\xbc\xaf", "a 7-Zip archive", _UNPACK.format("7z x FILE.7z")),
    (0, b"Rar!", "a RAR archive", _UNPACK.format("unrar x FILE.rar")),
    (257, b"ustar", "a tar archive", _UNPACK.format("tar xf FILE.tar")),
    (0, b"%PDF", "a PDF document", ""),
    (0, b"\x89PNG", "a PNG image", "Zip folders of images, one folder a class."),
    (0, b"\xff\xd8\xff", "a JPEG image", "Zip folders of images, one folder a class."),
    (0, b"\x93NUMPY", "a single .npy array", f"X and y belong in one file: {_NPY}"),
    (0, b"MATLAB 5.0", "a MATLAB file", _MATLAB),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook", _EXCEL),
    (0, b"FEA1", "a Feather file of version 1", _FEATHER),
    (0, b"SQLite format 3\0", "an SQLite database", _SQLITE),
    (4, b"TFL3", "a TensorFlow Lite model", "Send the Keras model it was converted from."),
    (4, b"PTMF", "a TorchScript model for mobile", "Send the state dict of the eager network."),
    (4, b"ET12", "an ExecuTorch program", "Send the network as minimascope.export writes it."),
    (
        0,
        b"version https://git-lfs",
        "a Git LFS pointer, not the file itself",
        "Get the file: git lfs pull",
    ),
    (0, b"<", "an HTML or XML page", "The download gave a page: get the file itself."),
)
_ONNX_START = re.compile(rb"\x08[\x01-\x14](\x12.|[\x1a\x22\x3a\x42])", re.DOTALL)
_RECORDS: tuple[tuple[str, str, str], ...] = (
    (r"(^|/)saved_model\.pb$", "a TensorFlow SavedModel", _KERAS.format("model.keras")),
    (r"(^|/)model\.weights\.h5$", "a Keras model", _KERAS.format("model.keras")),
    (r"(^|/)xl/workbook\.xml$", "an Excel workbook", _EXCEL),
    (r"(^|/)word/document\.xml$", "a Word document", ""),
)


def unsupported(what: str, cure: str = "") -> ProblemError:
    """A format that is recognised and not taken."""
    return ProblemError("unsupported_format", f"This is {what}, which is not taken.", cure or TAKEN)


def check_start(head: bytes) -> None:
    """Raises ProblemError unsupported_format for a file that begins like a known format."""
    bare = head.lstrip()
    for place, sign, what, cure in _SIGNS:
        if head[place:].startswith(sign) or (place == 0 and bare.startswith(sign)):
            raise unsupported(what, cure)
    if _ONNX_START.match(head) and b"\0" in head:
        raise unsupported("an ONNX model", _ONNX)
    if bare.startswith(b"{"):
        if b"weight_map" in head:
            what = "the index of a model in shards, without the shards"
            raise unsupported(what, "Send the folder itself, or zip it.")
        raise unsupported("a JSON text")


def check_records(names: list[str]) -> None:
    """Raises ProblemError unsupported_format for a zip of a known format."""
    for pattern, what, cure in _RECORDS:
        if any(re.search(pattern, name) for name in names):
            raise unsupported(what, cure)
