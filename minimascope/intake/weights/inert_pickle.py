"""Pickles read as data: a machine that follows the opcodes and never imports or calls anything.

A pickle is a program for a small stack machine; what makes it dangerous are the two steps that
find a Python object by name and call it. Here a name stays a name (`Named`), a call becomes a
note of what would have been called with what (`Inert`), and the few calls that have a meaning for
a checkpoint are decided by the reader that is given in (`Meaning`). Opcodes: pickletools.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from minimascope.intake.files.safetensors_format import damaged


@dataclass(frozen=True)
class Named:
    """A global that the pickle asks for, e.g. "torch._utils._rebuild_tensor_v2"."""

    name: str


@dataclass(eq=False)
class Inert:
    """An object that was not made: what would have been called, with what, and its state."""

    name: str
    arguments: tuple[Any, ...]
    state: Any = None
    items: dict[Any, Any] = field(default_factory=dict)


class Meaning(Protocol):
    """What a reader makes of names, calls and references to data beside the pickle."""

    def named(self, name: str) -> Named: ...
    def called(self, name: str, arguments: tuple[Any, ...]) -> Any: ...
    def loaded(self, reference: Any) -> Any: ...


_CONSTANTS = {
    *("NONE", "NEWTRUE", "NEWFALSE", "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1"),
    *("LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES"),
    *("SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE"),
    "BINUNICODE8",
}
_OWN_VALUE: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_MARK = object()


class _Machine:
    """The stack and the memo; one method an opcode, `None` from it goes on."""

    def __init__(self, meaning: Meaning) -> None:
        self.meaning = meaning
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def marked(self) -> list[Any]:
        """Everything above the last mark, which goes too."""
        place = len(self.stack) - 1
        while self.stack[place] is not _MARK:
            place -= 1
            if place < 0:
                raise IndexError("no mark")
        values = self.stack[place + 1 :]
        del self.stack[place:]
        return values

    def call(self, function: Any, arguments: Any) -> None:
        given = arguments if isinstance(arguments, tuple) else (arguments,)
        name = function.name if isinstance(function, Named) else "a value"
        self.stack.append(self.meaning.called(name, given))

    def name(self, text: str) -> None:
        self.stack.append(self.meaning.named(text))

    def add(self, pairs: list[tuple[Any, Any]]) -> None:
        """Entries of the table on top; those of an object that was not made are kept beside it."""
        top = self.stack[-1]
        if isinstance(top, Inert):
            top.items.update(pairs)
        elif isinstance(top, dict):
            top.update(pairs)
        else:
            raise TypeError("entries of no table")

    def extend(self, values: list[Any]) -> None:
        top = self.stack[-1]
        if isinstance(top, list):
            top += values
        elif isinstance(top, set):
            top.update(values)
        elif not isinstance(top, Inert):
            raise TypeError("items of no list")

    def build(self) -> None:
        state = self.stack.pop()
        if isinstance(self.stack[-1], Inert):
            self.stack[-1].state = state

    def stack_global(self) -> None:
        leaf, module = self.stack.pop(), self.stack.pop()
        if not isinstance(leaf, str) or not isinstance(module, str):
            raise TypeError("a name that is no text")
        self.name(f"{module}.{leaf}")

    def reduce(self) -> None:
        arguments = self.stack.pop()
        self.call(self.stack.pop(), arguments)

    def made_with_names(self) -> None:
        named, given = self.stack.pop(), self.stack.pop()
        self.call(self.stack.pop(), (*given, named))

    def set_items(self) -> None:
        values = self.marked()
        self.add(list(zip(values[::2], values[1::2], strict=True)))

    def set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.add([(key, value)])

    def table(self) -> None:
        values = self.marked()
        self.stack.append(dict(zip(values[::2], values[1::2], strict=True)))

    def take(self, count: int) -> None:
        """The last values as one tuple."""
        values = tuple(self.stack[len(self.stack) - count :])
        if len(values) != count:
            raise IndexError("too few values")
        del self.stack[len(self.stack) - count :]
        self.stack.append(values)

    def step(self, opcode: str, argument: Any) -> None:
        """One opcode. Raises KeyError for one that no file of torch.save has."""
        if opcode in _CONSTANTS:
            self.stack.append(_OWN_VALUE.get(opcode, argument))
        elif opcode in ("BINPUT", "LONG_BINPUT", "PUT"):
            self.memo[argument] = self.stack[-1]
        elif opcode in ("BINGET", "LONG_BINGET", "GET"):
            self.stack.append(self.memo[argument])
        else:
            _STEPS[opcode](self, argument)


_STEPS: dict[str, Callable[[_Machine, Any], object]] = {
    "PROTO": lambda m, a: None,
    "FRAME": lambda m, a: None,
    "MARK": lambda m, a: m.stack.append(_MARK),
    "POP": lambda m, a: m.stack.pop(),
    "POP_MARK": lambda m, a: m.marked(),
    "DUP": lambda m, a: m.stack.append(m.stack[-1]),
    "MEMOIZE": lambda m, a: m.memo.update({len(m.memo): m.stack[-1]}),
    "EMPTY_LIST": lambda m, a: m.stack.append([]),
    "EMPTY_TUPLE": lambda m, a: m.stack.append(()),
    "EMPTY_DICT": lambda m, a: m.stack.append({}),
    "EMPTY_SET": lambda m, a: m.stack.append(set()),
    "LIST": lambda m, a: m.stack.append(m.marked()),
    "TUPLE": lambda m, a: m.stack.append(tuple(m.marked())),
    "FROZENSET": lambda m, a: m.stack.append(frozenset(m.marked())),
    "TUPLE1": lambda m, a: m.take(1),
    "TUPLE2": lambda m, a: m.take(2),
    "TUPLE3": lambda m, a: m.take(3),
    "DICT": lambda m, a: m.table(),
    "APPEND": lambda m, a: m.extend([m.stack.pop()]),
    "APPENDS": lambda m, a: m.extend(m.marked()),
    "ADDITEMS": lambda m, a: m.extend(m.marked()),
    "SETITEM": lambda m, a: m.set_item(),
    "SETITEMS": lambda m, a: m.set_items(),
    "GLOBAL": lambda m, a: m.name(a.replace(" ", ".", 1)),
    "STACK_GLOBAL": lambda m, a: m.stack_global(),
    "REDUCE": lambda m, a: m.reduce(),
    "NEWOBJ": lambda m, a: m.reduce(),
    "NEWOBJ_EX": lambda m, a: m.made_with_names(),
    "BUILD": lambda m, a: m.build(),
    "BINPERSID": lambda m, a: m.stack.append(m.meaning.loaded(m.stack.pop())),
}


def read(content: bytes, meaning: Meaning) -> Any:
    """The value of a pickle as data.

    Raises ProblemError file_damaged, and whatever `meaning` refuses.
    """
    machine = _Machine(meaning)
    try:
        for opcode, argument, _ in pickletools.genops(content):
            if opcode.name == "STOP" and machine.stack[-1] is not _MARK:
                return machine.stack[-1]
            machine.step(opcode.name, argument)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
        raise damaged("its table of tensors is not readable") from error
    raise damaged("its table of tensors does not end")
