"""Declared options: one dataclass field holds everything about an option.

A field made by :func:`option` carries its default, its help, its bounds and its flag. From the declaration come the
command-line options, the checks and their messages, the tables of the documents, and the arguments of Python.
"""

from __future__ import annotations

import math
import operator
from dataclasses import Field, field, fields
from functools import cache
from pathlib import Path
from typing import Any, Callable, Iterator, Mapping, Optional, Sequence, Union

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.files import file_digest

Choices = Union[Sequence[str], Mapping[str, Any]]


def option(
    default: Any,
    help: str,
    *,
    flag: Optional[str] = None,
    choices: Optional[Choices] = None,
    least: Optional[float] = None,
    above: Optional[float] = None,
    most: Optional[float] = None,
    below: Optional[float] = None,
    signed: bool = False,
    file: bool = False,
) -> Any:
    """Declare an option as a field of a dataclass.

    default  value of an option that is not given; None means off
    flag     name on the command line, with underscores, if it differs from the field's
    choices  allowed values: the rows of a table
    least, above, most, below   bounds; `above` and `below` are exclusive
    signed   show the option in a signature even at its default
    file     the value names a file, which a signature shows by name and digest
    """
    facts = dict(help=help, flag=flag, choices=choices, signed=signed, file=file)
    bounds = dict(least=least, above=above, most=most, below=below)
    return field(default=default, metadata={**facts, **bounds})


def declared(declaration: Any) -> Iterator[Field[Any]]:
    """Yield the fields of a dataclass, or of an instance of one, that :func:`option` made."""
    return (one for one in fields(declaration) if "signed" in one.metadata)


def flag_of(one: Field[Any]) -> str:
    """Return the option's name on the command line: `--decoding-iterations`."""
    return f"--{name_of(one).replace('_', '-')}"


def name_of(one: Field[Any]) -> str:
    """Return the option's name in a configuration: `decoding_iterations`."""
    return str(one.metadata["flag"] or one.name)


def given_in(declaration: type, *sources: Mapping[str, Any]) -> dict[str, Any]:
    """Collect the values given for the options of `declaration`, field name -> value.

    sources  mappings from configuration names to values, of which the first that has the name wins; the values
             None, and False of a switch, mean "not given"

    An enumeration's value, which fairseq uses for choices, is replaced by the plain value.
    """
    found = {}
    for one in declared(declaration):
        value = next((source[name_of(one)] for source in sources if name_of(one) in source), None)
        if value is not None and value is not False:
            found[one.name] = getattr(value, "value", value)
    return found


def check(instance: Any) -> None:
    """Raise an OptionError for the first option of `instance` with a wrong type, choice or bound."""
    for one in declared(instance):
        value = getattr(instance, one.name)
        if value is not None or one.default is not None:
            _check_kind(one, value)
            _check_bounds(one, value)


def _check_kind(one: Field[Any], value: Any) -> None:
    choices = one.metadata["choices"]
    if choices is not None and value not in choices:
        raise OptionError(f"{flag_of(one)} {value} must be one of {', '.join(choices)}")
    kind = kind_of(one)
    fits = isinstance(value, (int, float) if kind is float else kind) and (kind is bool or not isinstance(value, bool))
    if not fits:
        raise OptionError(f"{flag_of(one)} {value!r} must be {_KINDS[kind]}")
    if kind is float and isinstance(value, float) and math.isinf(value):
        raise OptionError(f"{flag_of(one)} {value} must be finite")


_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}


def kind_of(one: Field[Any]) -> type:
    """Return the type of an option's value, ignoring that it may be None."""
    text = str(one.type)
    for kind in _KINDS:
        if kind.__name__ in text:
            return kind
    raise TypeError(f"option {one.name} has the type {text}, which no command line can give")


_BOUNDS: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "least": ("at least", operator.ge),
    "above": ("above", operator.gt),
    "most": ("at most", operator.le),
    "below": ("below", operator.lt),
}


def _check_bounds(one: Field[Any], value: Any) -> None:
    bounds = {name: one.metadata[name] for name in _BOUNDS if one.metadata[name] is not None}
    if not all(_BOUNDS[name][1](value, bound) for name, bound in bounds.items()):
        wanted = " and ".join(f"{_BOUNDS[name][0]} {_exact(bound)}" for name, bound in bounds.items())
        raise OptionError(f"{flag_of(one)} {value} must be {wanted}")


def _exact(bound: float) -> str:
    return str(bound) if isinstance(bound, int) else f"{bound:g}"


def signature(instance: Any, left_out: Sequence[str] = (), **others: Any) -> str:
    """Return a signature in one line, like sacreBLEU's: the `signed` options, and all that are not at their default.

    left_out  fields to leave out
    others    further entries for the end
    """
    entries = {
        one.name: getattr(instance, one.name)
        for one in declared(instance)
        if one.name not in left_out and (one.metadata["signed"] or getattr(instance, one.name) != one.default)
    }
    entries |= {name: signed_file(path) for name, path in files_given(instance).items() if name in entries}
    return "|".join(f"{name}:{shown(value)}" for name, value in {**entries, **others}.items())


def files_given(instance: Any) -> dict[str, Path]:
    """Return the files that the options of `instance` name, field name -> path."""
    named = {one.name: getattr(instance, one.name) for one in declared(instance) if one.metadata["file"]}
    return {name: Path(value) for name, value in named.items() if value is not None}


def signed_file(path: Path) -> str:
    """Return name and digest of a file: `averaged.pt@0123456789ab`."""
    try:
        state = path.stat()
    except OSError as error:
        raise OptionError(f"{path} cannot be read: {error.strerror}") from None
    return f"{path.name}@{_digest(path, state.st_mtime_ns, state.st_size)[:12]}"


@cache
def _digest(path: Path, *state: int) -> str:
    """Return the digest of a file; `state` changes with the file and keys the cache."""
    return file_digest(path)


def shown(value: Any) -> str:
    """Return a value as tables and signatures show it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else "none" if value is None else str(value)


def help_of(one: Field[Any]) -> str:
    """Return the help text of a declared option, with its choices and its default, for argparse."""
    choices = f"; one of {', '.join(one.metadata['choices'])}" if one.metadata["choices"] else ""
    default = "" if isinstance(one.default, bool) or one.default is None else f" (default: {one.default})"
    return f"{one.metadata['help']}{choices}{default}".replace("%", "%%")
