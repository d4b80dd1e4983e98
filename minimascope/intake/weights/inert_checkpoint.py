"""Files of torch.save that hold more than tensors, read without making any of those objects.

Lightning keeps hyper-parameters, optimisers keep settings, `torch.save(model)` keeps the whole
network: `weights_only=True` refuses all of them. The tensors beside those objects are read here,
the objects stay names. A pickle that asks for a function of Python's own library is refused: no
training script saves one, every attack does. A name alone does nothing; that refusal is a
courtesy to the reader of the sentence, not what keeps this safe.
"""

from __future__ import annotations

import re
import sys
import zipfile
import zlib
from collections.abc import Sequence
from typing import Any, BinaryIO

import torch
from torch import Tensor

from minimascope.intake.files.formats import pickle_refused, records
from minimascope.intake.files.safetensors_format import TENSORS, damaged
from minimascope.intake.files.tensor_checks import refuse, view_of
from minimascope.intake.weights import inert_pickle, whole_network
from minimascope.intake.weights.inert_pickle import Inert, Named

LOCAL_HEADER = 30  # bytes of a zip record before its name; the last four are two lengths
_STORAGES: dict[str, torch.dtype] = {
    "torch.DoubleStorage": torch.float64,
    "torch.FloatStorage": torch.float32,
    "torch.HalfStorage": torch.float16,
    "torch.BFloat16Storage": torch.bfloat16,
    "torch.LongStorage": torch.int64,
    "torch.IntStorage": torch.int32,
    "torch.ShortStorage": torch.int16,
    "torch.CharStorage": torch.int8,
    "torch.ByteStorage": torch.uint8,
    "torch.BoolStorage": torch.bool,
}
_TENSOR = ("torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor")
_PARAMETER = ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state")
# A tensor that somebody hung an attribute on, as DeepSpeed does; of no kind of its own.
_WITH_ATTRIBUTES = "torch._tensor._rebuild_from_type_v2"
_PLAIN_TENSORS = (Named("torch.Tensor"), Named("torch.nn.parameter.Parameter"))
_RECONSTRUCTOR = ("copyreg._reconstructor", "copy_reg._reconstructor")
_PLAIN = {"set": set, "frozenset": frozenset, "list": list, "dict": dict, "tuple": tuple}
# Of Python's own library: types that hold values. Anything else of it is a function to call.
_VALUES = {
    *("collections.OrderedDict", "collections.defaultdict", "collections.deque"),
    *("collections.Counter", "argparse.Namespace", "types.SimpleNamespace", "decimal.Decimal"),
    *("fractions.Fraction", "uuid.UUID", "functools.partial", "_codecs.encode"),
    *_RECONSTRUCTOR,
    *(f"builtins.{name}" for name in (*_PLAIN, "int", "float", "str", "bool", "complex")),
    *(f"builtins.{name}" for name in ("bytes", "bytearray", "slice", "range", "xrange", "object")),
}
# Layers of a whole network, and how numbers and texts of NumPy are saved.
_UNSAID = ("torch.nn.modules.", "numpy.", "_codecs.")
_VALUE_MODULES = ("datetime.", "pathlib.", "typing.")
_KEY = re.compile(r"\d{1,9}")


class _Storage:
    """The bytes of one record and the dtype of the numbers in it."""

    def __init__(self, data: bytearray | memoryview, dtype: torch.dtype) -> None:
        self.data, self.dtype = data, dtype


def _whole(values: Any) -> list[int]:
    """Sizes or strides. Raises TypeError, which is damage."""
    if not isinstance(values, Sequence):
        raise TypeError("no sizes")
    whole = [value for value in values if type(value) is int and value >= 0]
    if len(whole) != len(values):
        raise TypeError("no whole numbers")
    return whole


def name_of(name: str) -> Named:
    """A name of a pickle. Raises ProblemError pickle_refused for a function of Python's own."""
    known = name.replace("__builtin__.", "builtins.", 1)
    own = known.split(".", 1)[0] in sys.stdlib_module_names
    if own and known not in _VALUES and not known.startswith(_VALUE_MODULES):
        raise pickle_refused(f"asks Python for {name[:200]}")
    return Named(known)


def value_of(name: str, arguments: tuple[Any, ...]) -> Any:
    """Containers are made; anything else is a note of what would have been."""
    if name == "collections.OrderedDict":
        return dict(*arguments)
    if name == "torch.Size":
        return tuple(_whole(arguments[0]))
    if name.startswith("builtins.") and name.split(".")[1] in _PLAIN:
        return _PLAIN[name.split(".")[1]](*arguments)
    if name in _RECONSTRUCTOR and isinstance(arguments[0], Named):
        name = arguments[0].name
    return Inert(name, arguments)


class _Tensors:
    """The meaning of a torch.save pickle: its tensors; everything else stays inert."""

    def __init__(
        self, archive: zipfile.ZipFile, root: str, mapped: memoryview | None = None
    ) -> None:
        self.archive, self.root, self.mapped = archive, root, mapped
        self.stored: dict[str, bytearray | memoryview] = {}
        self.left_out: dict[str, None] = {}
        self.counted = 0

    def named(self, name: str) -> Named:
        return name_of(name)

    def called(self, name: str, arguments: tuple[Any, ...]) -> Any:
        if name in _TENSOR:
            return self._tensor(*arguments[:4])
        if name in _PARAMETER:
            return _parameter(*arguments[:2])
        if name == _WITH_ATTRIBUTES and arguments[1] in _PLAIN_TENSORS:
            return self.called(arguments[0].name, arguments[2])
        if name.startswith(("torch._utils._rebuild", "torch._tensor.")):
            raise refuse(
                f"number {self.counted + 1}", f"of a special kind ({name.rsplit('.', 1)[-1][:60]})"
            )
        made = value_of(name, arguments)
        if isinstance(made, Inert) and not made.name.startswith(_UNSAID):
            self.left_out[made.name] = None
        return made

    def loaded(self, reference: Any) -> _Storage:
        """Raises ValueError or TypeError, which is damage, for anything but a storage."""
        word, kind, key, _, _ = reference
        if word != "storage" or not isinstance(kind, Named) or not _KEY.fullmatch(key):
            raise ValueError("no storage")
        if kind.name not in _STORAGES:
            raise refuse(f"number {self.counted + 1}", f"of the storage {kind.name[:60]}")
        if key not in self.stored:
            self.stored[key] = self._bytes(f"{self.root}/data/{key}")
        return _Storage(self.stored[key], _STORAGES[kind.name])

    def _bytes(self, name: str) -> bytearray | memoryview:
        """A record's bytes: where they lie in the mapped file, else unpacked."""
        place = stored_at(self.archive, name, self.mapped) if self.mapped is not None else None
        return bytearray(record(self.archive, name)) if place is None else place

    def _tensor(self, storage: Any, offset: Any, shape: Any, strides: Any) -> Tensor:
        self.counted += 1
        if not isinstance(storage, _Storage) or self.counted > TENSORS:
            raise TypeError("no storage")
        (place,) = _whole([offset])
        name = f"number {self.counted}"
        return view_of(name, storage.data, storage.dtype, _whole(shape), _whole(strides), place)


def _parameter(tensor: Any, trained: Any = False) -> Tensor:
    """The tensor, which remembers whether it was trained. Raises TypeError, which is damage."""
    if not isinstance(tensor, Tensor):
        raise TypeError("a parameter of no tensor")
    return tensor.detach().requires_grad_(trained is True and tensor.is_floating_point())


def record(archive: zipfile.ZipFile, name: str) -> bytes:
    """One record, unpacked. Raises ProblemError file_damaged."""
    try:
        return archive.read(name)
    except KeyError as error:
        raise damaged(f"the archive has no record {name[-60:]!r}") from error
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError) as error:
        raise damaged(f"the record {name[-60:]!r} cannot be unpacked") from error


def stored_at(archive: zipfile.ZipFile, name: str, mapped: memoryview) -> memoryview | None:
    """The bytes of a record that was stored without compression; None for another."""
    entry = archive.NameToInfo.get(name)
    if entry is None or entry.compress_type != zipfile.ZIP_STORED:
        return None
    head = entry.header_offset + LOCAL_HEADER
    lengths = bytes(mapped[head - 4 : head])
    start = head + int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
    found = mapped[start : start + entry.file_size]
    if len(found) != entry.file_size or entry.compress_size != entry.file_size:
        raise damaged(f"the record {name[-60:]!r} passes the end of the file")
    return found


def tables(source: BinaryIO) -> list[bytes]:
    """Every pickle in a zip of torch.save; an honest one has one. Raises file_damaged."""
    names = [entry.filename for entry in records(source)]
    with zipfile.ZipFile(source) as archive:
        return [record(archive, name) for name in names if name.split("/")[-1] == "data.pkl"]


def read(source: BinaryIO, mapped: memoryview | None = None) -> tuple[Any, list[str]]:
    """The saved value of a zip of torch.save, objects left out, and what was left out.

    With the same file `mapped` into memory, tensors lie in it and none of it is read yet.

    Raises ProblemError: pickle_refused (a function of Python's own library is asked for),
    tensor_refused, file_damaged, deflate_bomb.
    """
    names = [entry.filename for entry in records(source)]
    pickles = [name for name in names if name.split("/")[-1] == "data.pkl"]
    if len(pickles) != 1:
        raise damaged(f"it holds {len(pickles)} tables of tensors")
    root = pickles[0].rpartition("/")[0]
    try:
        with zipfile.ZipFile(source) as archive:
            order = f"{root}/byteorder"
            if order in names and record(archive, order) != b"little":
                raise damaged("its numbers are not little-endian")
            meaning = _Tensors(archive, root, mapped)
            value = inert_pickle.read(record(archive, pickles[0]), meaning)
            said: list[str] = []
            value = whole_network.unfolded(value, said)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise damaged("its table of tensors is not readable") from error
    if meaning.left_out:
        shown = ", ".join(name[:60] for name in list(meaning.left_out)[:6])
        said.append(f"Objects in the file were left out and none of their code was run: {shown}.")
    return value, said
