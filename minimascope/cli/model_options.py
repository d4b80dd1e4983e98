"""Options of a command made from a model of the contract: one for each of its fields.

Name, choices, default and help are the field's own, so a field that is added to the contract is an
option of every command that takes the model. What is typed stays text until the model validates it:
the command line says the same of a value as REST.
"""

from __future__ import annotations

import inspect
import json
import shlex
from collections.abc import Callable, Collection, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import typer
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from minimascope.cli.files import existing
from minimascope.contract.problems import ProblemError

Model = TypeVar("Model", bound=BaseModel)
YesNo = Literal["yes", "no"]
LETTERS = "A,B,C,D,E,F"
OPTIMIZER_STATE = "the optimiser's state_dict at these weights, where the checkpoint lacks it"
NONE: Mapping[str, Callable[[str], dict[str, Any]]] = {}


def takes(
    model: type[BaseModel],
    *,
    without: Collection[str] = (),
    or_file: Mapping[str, Callable[[str], dict[str, Any]]] = NONE,
) -> Callable[[Callable[..., int | None]], Callable[..., int | None]]:
    """Gives a command the model's options; it receives those that were given as `asked`.

    or_file: fields whose choices a file may take the place of, and what it says of which fields.
    """
    fields = {name: each for name, each in model.model_fields.items() if name not in without}

    def decorate(function: Callable[..., int | None]) -> Callable[..., int | None]:
        own = list(inspect.signature(function, eval_str=True).parameters.values())
        place = [each.name for each in own].index("asked")
        made = [_parameter(name, field, file=name in or_file) for name, field in fields.items()]
        parameters = [*own[:place], *made, *own[place + 1 :]]

        def command(**given: Any) -> int | None:
            typed = {name: given.pop(name) for name in fields}
            told = {k: v for k, v in typed.items() if v is not None}
            files = {k for k in or_file if k in told and told[k] not in _chosen(fields[k])}
            asked = {k: _read(k, v, fields[k]) for k, v in told.items() if k not in files}
            for name in files:
                asked = _with_file(asked, or_file[name](told[name]))
            return function(**given, asked=asked)

        # Not functools.wraps: typer would read the signature of what is wrapped.
        command.__name__, command.__doc__ = function.__name__, function.__doc__
        by_keyword = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters]
        command.__signature__ = inspect.Signature(by_keyword)  # type: ignore[attr-defined]
        command.__annotations__ = {each.name: each.annotation for each in parameters}
        return command

    return decorate


def _with_file(asked: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    """What a file says beside what was typed, which must not say otherwise."""
    for name, value in told.items():
        if name in asked and str(asked[name]) != str(value):
            sentence = f"{_flag(name)} {asked[name]} was typed, and the file says {value}."
            raise ProblemError("invalid_parameters", sentence)
    return asked | told


def _chosen(field: FieldInfo) -> tuple[Any, ...]:
    kind = _kind(field.annotation)
    return get_args(kind) if get_origin(kind) is Literal else ()


def made(model: type[Model], given: dict[str, Any]) -> Model:
    """The model of what was given. Raises ProblemError `invalid_parameters`."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        said = str(first["msg"]).removeprefix("Value error, ").rstrip(".")
        if first["loc"]:
            place, *inner = map(str, first["loc"])
            named = [_flag(place), *(each for each in inner if not each.isdecimal())]
            said = f"{': '.join(named)}: {said} (given {first['input']!r:.200})"
        raise ProblemError("invalid_parameters", f"{said}.") from error


def _flag(name: str) -> str:
    return "--" + name.strip("_").replace("_", "-")


def options_of(values: dict[str, Any]) -> str:
    """Fields with their values as one types them on a command line."""
    said = ((_flag(name), _typed(value)) for name, value in values.items())
    return " ".join(f"{flag} {shlex.quote(value)}" for flag, value in said)


def _parameter(name: str, field: FieldInfo, *, file: bool = False) -> inspect.Parameter:
    kind = _kind(field.annotation)
    choices = YesNo if kind is bool else None if file else _choices(kind, field)
    default: Any = inspect.Parameter.empty if field.is_required() else None
    option = typer.Option(
        _flag(name),
        help=_help(kind, field),
        metavar=_metavar(kind, file=file) if choices is None else None,
    )
    taken: Any = choices or str
    annotation = Annotated[taken if field.is_required() else taken | None, option]
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


def _choices(kind: Any, field: FieldInfo) -> Any:
    """The values there are, with the names that the model takes for them too; None for any."""
    if get_origin(kind) is not Literal:
        return None
    extra: Any = field.json_schema_extra or {}
    every: Any = Literal
    return every[(*get_args(kind), *extra.get("also", []))]


def _kind(annotation: Any) -> Any:
    """The type without its constraints and without None."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _kind(get_args(annotation)[0])
    if origin in (Union, UnionType):
        [kind] = [each for each in get_args(annotation) if each is not NoneType]
        return _kind(kind)
    return annotation


def _is_object(kind: Any) -> bool:
    return get_origin(kind) is dict or (isinstance(kind, type) and issubclass(kind, BaseModel))


def _metavar(kind: Any, *, file: bool = False) -> str:
    if file:
        return "|".join((*get_args(kind), "FILE"))
    if get_origin(kind) is tuple:
        return LETTERS[: 2 * len(get_args(kind)) - 1]
    if get_origin(kind) is list:
        return "A,B,..."
    if _is_object(kind):
        return "JSON|FILE"
    return {int: "N", float: "X"}.get(kind, "TEXT")


def _help(kind: Any, field: FieldInfo) -> str:
    """What the field says of itself, what a list is of, and the default as it would be typed."""
    choices = get_args(_kind(get_args(kind)[0])) if get_origin(kind) is list else ()
    of = f"of {', '.join(choices)}" if choices else ""
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    said = f"default {_typed(default)}" if default not in (None, "", []) and not of else ""
    return "; ".join(filter(None, (field.description, of, said)))


def _typed(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return json.dumps(value)
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _read(name: str, text: str, field: FieldInfo) -> Any:
    """What the model is to validate: parts of a list, a JSON object, else the text itself."""
    kind = _kind(field.annotation)
    origin = get_origin(kind)
    if _is_object(kind):
        return _object(name, text)
    if origin is list:
        return [part for part in text.split(",") if part]
    if origin is tuple:
        parts, count = text.split(","), len(get_args(kind))
        if len(parts) != count:
            sentence = f"{_flag(name)} takes {count} values separated by commas, not {text!r}."
            raise ProblemError("invalid_parameters", sentence)
        return parts
    return text


def _object(name: str, text: str) -> Any:
    """JSON given in place, or a file that holds it."""
    try:
        in_place = text.lstrip()[:1] in ("{", "[", '"')
        given = json.loads(text if in_place else existing(text).read_text())
        if not isinstance(given, dict):
            raise ValueError(f"{str(given)[:60]!r} is not an object")
        return given
    except (OSError, ValueError, RecursionError) as error:
        sentence = f"{_flag(name)} is no JSON object: {error}."
        raise ProblemError(
            "invalid_parameters", sentence, "Give JSON, or a file that holds it."
        ) from error
