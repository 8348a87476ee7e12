"""Decoding options on the command line, from their declaration."""

from __future__ import annotations

import argparse
import ast
from typing import Any, Mapping

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.errors import OptionError, meant
from fairseq_cmlm.options import declared, flag_of, given_in, help_of, kind_of, name_of


def add_decoding_flags(parser: argparse.ArgumentParser) -> None:
    """Add a flag for each field of Decoding; those that are not given stay None, or False."""
    group = parser.add_argument_group("decoding", "of our masked models, except for what a table varies")
    for one in declared(Decoding):
        kind = kind_of(one)
        if kind is bool:
            group.add_argument(flag_of(one), action="store_true", help=help_of(one))
        else:
            group.add_argument(flag_of(one), type=kind, metavar=kind.__name__.upper(), help=help_of(one))
    group.add_argument(
        "--beam", type=int, metavar="INT", help="hypotheses of easy_first and left_to_right (default: 5)"
    )


def given_decoding(named: Mapping[str, Any]) -> dict[str, Any]:
    """Return the given decoding options by field name, from `named`, which has configuration names."""
    beam = named.get("beam")
    return {**given_in(Decoding, named), **({} if beam is None else {"beam": beam})}


def read_setting(flag: str, text: str) -> dict[str, Any]:
    """Read `decoding_iterations=4,length_beam=3`, a value of `flag`; return the options by field name.

    A value is a word, or for an option with another type a Python literal.

    >>> read_setting("--settings", "decoding_iterations=4,decoding_dtype=int8")
    {'iterations': 4, 'dtype': 'int8'}
    """
    known = ["beam", *map(name_of, declared(Decoding))]
    words = [name_of(one) for one in declared(Decoding) if kind_of(one) is str]
    found = {}
    for part in filter(None, text.split(",")):
        name, equals, value = part.partition("=")
        if not equals:
            raise OptionError(f"{flag} {text}: {part} is not NAME=VALUE")
        if name not in known:
            raise OptionError(f"{flag} {name}= is no option of decoding: {meant(name, known)}")
        found[name] = value if name in words else _literal(value)
    return given_decoding(found)


def _literal(value: str) -> Any:
    try:
        return ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return value
