"""Settings: frozen dataclasses, changed by exact dotted names, checked by type, and the same again after JSON.

    settings = override(settings, ["train.lr=3e-4", "model.grid=4,4", "ema=none"])
    assert from_dict(type(settings), json.loads(json.dumps(to_dict(settings)))) == settings

A field's type is its whole specification: int, float, bool, str, Path, `Literal`, `X | None`, tuples, dicts, further
dataclasses, and `Annotated[int, pydantic.Field(gt=0)]` for a range. Its help is `field(metadata={"help": "..."})`.
A condition between fields belongs in `__post_init__`, which runs once all changes are made.
"""

import dataclasses
import functools
import json
import operator
from collections.abc import Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from motet.errors import ConfigError

S = TypeVar("S")

_BOOLS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_STRICT = ConfigDict(strict=True, allow_inf_nan=False)


@dataclasses.dataclass(frozen=True)
class Setting:
    """One row of `motet show`: a setting's dotted name, its value, its type in words, and its help."""

    name: str
    value: Any
    type: str
    help: str


def describe(settings: Any) -> list[Setting]:
    """Every setting, in the order of the fields, groups unfolded."""
    return [
        Setting(name, value, spell(hint), field.metadata.get("help", ""))
        for name, value, hint, field in _walk(settings)
        if not dataclasses.is_dataclass(value)
    ]


def override(settings: S, changes: Mapping[str, Any] | Iterable[str]) -> S:
    """A copy of `settings` with some values changed; `settings` itself if there are none.

    `changes` maps dotted names to values, or lists "name=value". A value given as text is read as its setting's type
    asks: "4,4" as a tuple, "none" as None, "true" as a bool, "{...}" as JSON.
    Raises ConfigError for an unknown name, a name given twice, and a value that does not fit.
    """
    wanted = dict(changes) if isinstance(changes, Mapping) else _split(changes)
    known = [name for name, *_ in _walk(settings)]
    for name in wanted:
        if name not in known:
            raise _unknown(name, known)
    return cast(S, _apply(settings, wanted, ""))


def to_dict(settings: Any) -> dict[str, Any]:
    """The settings as JSON can hold them: nested dicts, lists, texts, finite numbers, bools and None.

    Raises ConfigError for a value that JSON cannot hold, such as infinity.
    """
    plain: dict[str, Any] = {}
    for field, _ in _fields(type(settings)):
        value = getattr(settings, field.name)
        try:
            plain[field.name] = to_dict(value) if dataclasses.is_dataclass(value) else to_jsonable_python(value)
            json.dumps(plain[field.name], allow_nan=False)
        except (PydanticSerializationError, ValueError) as error:
            if isinstance(error, ConfigError):
                raise
            expected = "a value that JSON can hold: text, a finite number, a bool, none, or a tuple or dict of these"
            raise ConfigError(f"setting {field.name!r} is {value!r}, expected {expected}") from error
    return plain


def from_dict(cls: type[S], data: Mapping[str, Any]) -> S:
    """The settings that `to_dict` wrote. A setting that is not in `data` keeps its default.

    Raises ConfigError for an unknown key, a value of the wrong type, and a missing setting that has no default.
    """
    return cast(S, _build(cls, data, ""))


def differences(theirs: Mapping[str, Any], mine: Mapping[str, Any]) -> dict[str, str]:
    """What differs between two results of `to_dict`, by dotted name: {"train.lr": "train.lr=0.001 (now 0.01)"}.

    What only one of them has is "none" on the other side.
    """
    before, now = dict(_flat(theirs)), dict(_flat(mine))
    return {
        name: f"{name}={_write(before.get(name))} (now {_write(now.get(name))})"
        for name in {**before, **now}
        if before.get(name) != now.get(name)
    }


def spell(hint: Any) -> str:
    """A type as a person would write it: "int", "float or none", "one of 'v', 'flow'", "tuple of int, int"."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return spell(args[0])
    if origin is Literal:
        return "one of " + ", ".join(map(repr, args))
    if origin in (Union, UnionType):
        return " or ".join(spell(member) for member in args)
    if hint is NoneType:
        return "none"
    if origin in (tuple, list, dict):
        return f"{origin.__name__} of " + ", ".join("..." if item is ... else spell(item) for item in args)
    if dataclasses.is_dataclass(hint):
        return f"the settings of {getattr(hint, '__name__', hint)}"
    return getattr(hint, "__name__", str(hint))


def _fields(cls: type) -> Iterator[tuple[dataclasses.Field[Any], Any]]:
    """The fields that the constructor takes, each with its resolved type."""
    assert dataclasses.is_dataclass(cls) and cls.__dataclass_params__.frozen, f"{cls} is no frozen dataclass"  # type: ignore[attr-defined]
    hints = get_type_hints(cls, include_extras=True)
    return ((field, hints[field.name]) for field in dataclasses.fields(cls) if field.init)


def _walk(settings: Any, prefix: str = "") -> Iterator[tuple[str, Any, Any, dataclasses.Field[Any]]]:
    for field, hint in _fields(type(settings)):
        value = getattr(settings, field.name)
        yield prefix + field.name, value, hint, field
        if dataclasses.is_dataclass(value):
            yield from _walk(value, f"{prefix}{field.name}.")


def _flat(plain: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in plain.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _split(changes: Iterable[str]) -> dict[str, str]:
    wanted: dict[str, str] = {}
    for change in changes:
        name, equals, text = (part.strip() for part in change.partition("="))
        if not equals or not name:
            raise ConfigError(f"got {change!r}, expected name=value, for example train.lr=3e-4")
        if name in wanted:
            raise ConfigError(f"setting {name!r} is given twice: {wanted[name]!r} and {text!r}; give it once")
        wanted[name] = text
    return wanted


def _apply(settings: Any, wanted: Mapping[str, Any], prefix: str) -> Any:
    changed: dict[str, Any] = {}
    for field, hint in _fields(type(settings)):
        name, old = prefix + field.name, getattr(settings, field.name)
        value = _parse(hint, wanted[name], name, old) if name in wanted else old
        if dataclasses.is_dataclass(value):
            value = _apply(value, wanted, f"{name}.")
        if value is not old:
            changed[field.name] = value
    return dataclasses.replace(settings, **changed) if changed else settings


def _parse(hint: Any, value: Any, name: str, old: Any) -> Any:
    try:
        plain = _read(hint, value) if isinstance(value, str) else to_jsonable_python(value)
    except (ValueError, PydanticSerializationError) as error:
        raise _misfit(hint, value, name, old) from error
    return _build(hint, plain, name, old)


def _read(hint: Any, text: str) -> Any:
    """The plain value that `text` writes for this type. Raises ValueError (json's among them) if it writes none."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _read(args[0], text)
    if origin is Literal:
        return {_write(option): option for option in args}.get(text, text)
    if origin in (Union, UnionType):
        return _read_first(sorted(args, key=lambda member: (member is not NoneType, member is str)), text)
    if hint is NoneType and text.lower() in ("none", "null"):
        return None
    if hint is bool and text.lower() in _BOOLS:
        return _BOOLS[text.lower()]
    if hint is int or hint is float:
        return hint(text)
    if origin in (tuple, list) and not text.startswith("["):
        items = [item.strip() for item in text.strip("()").split(",") if item.strip()]
        kinds = [args[0]] * len(items) if origin is list or args[-1] is ... else args
        return [_read(kinds[min(i, len(kinds) - 1)], item) for i, item in enumerate(items)]
    if (
        isinstance(hint, type)
        and hint not in (bool, NoneType, dict, list, tuple)
        and not dataclasses.is_dataclass(hint)
    ):
        return text  # str, Path, an enumeration
    return json.loads(text)


def _read_first(members: Iterable[Any], text: str) -> Any:
    for member in members:
        try:
            plain = _read(member, text)
            _build(member, plain, "")
        except ValueError:
            continue
        return plain
    raise ValueError(f"{text!r} fits no member of the union")


def _build(hint: Any, plain: Any, name: str, old: Any = None) -> Any:
    """A value of this type from what JSON can hold."""
    origin, args = get_origin(hint), get_args(hint)
    if not _holds_settings(hint):
        return _validate(hint, plain, name, old)
    if origin is Annotated:
        return _build(args[0], plain, name, old)
    if origin in (Union, UnionType):
        groups = [member for member in args if _holds_settings(member)]
        assert len(groups) == 1, f"{name}: of several kinds of settings, JSON does not say which one it holds"
        others = functools.reduce(operator.or_, (member for member in args if member not in groups))
        return (
            _build(groups[0], plain, name, old) if isinstance(plain, Mapping) else _validate(others, plain, name, old)
        )
    if origin in (tuple, list) and isinstance(plain, list | tuple):
        kinds = [args[0]] * len(plain) if origin is list or args[-1] is ... else args
        if len(kinds) != len(plain):
            raise _misfit(hint, plain, name, old, reason=f"{len(plain)} values instead of {len(kinds)}")
        return origin(
            _build(kind, item, f"{name}.{i}") for i, (kind, item) in enumerate(zip(kinds, plain, strict=True))
        )
    if not isinstance(plain, Mapping):
        raise _misfit(hint, plain, name, old)
    if origin is dict:
        return {key: _build(args[1], item, f"{name}.{key}") for key, item in plain.items()}
    return _construct(hint, plain, f"{name}." if name else "")


def _construct(cls: type, plain: Mapping[str, Any], prefix: str) -> Any:
    fields = {field.name: (field, hint) for field, hint in _fields(cls)}
    for key in plain:
        if key not in fields:
            raise _unknown(f"{prefix}{key}", [prefix + known for known in fields])
    for key, (field, hint) in fields.items():
        if key not in plain and field.default is field.default_factory is dataclasses.MISSING:
            raise ConfigError(f"setting {prefix + key!r} is missing and has no default, expected {spell(hint)}")
    return cls(**{key: _build(fields[key][1], value, prefix + key) for key, value in plain.items()})


def _validate(hint: Any, plain: Any, name: str, old: Any) -> Any:
    try:
        text = json.dumps(to_jsonable_python(plain))
        return TypeAdapter(hint, config=_STRICT).validate_json(text)
    except ValidationError as error:
        raise _misfit(hint, plain, name, old, reason=error.errors()[0]["msg"]) from error
    except PydanticSerializationError as error:
        raise _misfit(hint, plain, name, old) from error


def _holds_settings(hint: Any) -> bool:
    return dataclasses.is_dataclass(hint) or any(_holds_settings(part) for part in get_args(hint))


def _misfit(hint: Any, value: Any, name: str, old: Any, *, reason: str = "") -> ConfigError:
    example = f"; for example {name}={_write(old) if old is not None else _sample(hint)}"
    because = f" ({reason[0].lower()}{reason[1:]})" if reason else ""
    return ConfigError(f"setting {name!r}: got {value!r}, expected {spell(hint)}{because}{example}")


def _write(value: Any) -> str:
    """A value as `name=value` would give it."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list) and not any(isinstance(item, tuple | list | dict) for item in value):
        return ",".join(map(_write, value))
    if isinstance(value, dict | tuple | list) or dataclasses.is_dataclass(value):
        return json.dumps(to_jsonable_python(value))
    return str(value)


def _sample(hint: Any) -> str:
    """Some value of this type, for a message, where the setting's own value is none."""
    origin, args = get_origin(hint), [part for part in get_args(hint) if part not in (NoneType, ...)]
    if origin in (Annotated, Union, UnionType):
        return _sample(args[0])
    if origin is Literal:
        return _write(args[0])
    if origin in (tuple, list):
        return ",".join(_sample(part) for part in (args if len(args) > 1 else args * 2))
    return {int: "8", float: "0.5", bool: "true"}.get(hint, "{}" if origin is dict or _holds_settings(hint) else "name")


def _unknown(name: str, known: list[str]) -> ConfigError:
    def likeness(other: str) -> float:
        whole = SequenceMatcher(None, name, other).ratio()
        return max(whole, SequenceMatcher(None, name.rpartition(".")[2], other.rpartition(".")[2]).ratio() - 0.1)

    group = name.rpartition(".")[0]
    while group and not any(other.startswith(f"{group}.") for other in known):
        group = group.rpartition(".")[0]
    siblings = [other for other in known if other.rpartition(".")[0] == group]
    nearest = f"; did you mean {max(known, key=likeness)!r}?" if known else ";"
    where = f"in {group!r}" if group else "here"
    return ConfigError(f"unknown setting {name!r}{nearest} The settings {where} are: {', '.join(siblings) or 'none'}")
