"""Errors that a user can mend. Each message names the option or file, the value, and the way out."""

from __future__ import annotations

import difflib
from typing import Sequence


class UserError(ValueError):
    """The base class of errors that a user can mend."""


class OptionError(UserError):
    """An option, or a combination of options, that cannot work."""


class CheckpointError(UserError):
    """A checkpoint that cannot be used here."""


class TextError(UserError):
    """A text or data file that cannot be used."""


class ModelError(UserError):
    """A model whose outputs are of no use."""


class BundleError(UserError):
    """A bundle that cannot be read, or a model that cannot become one."""


def meant(name: str, known: Sequence[str]) -> str:
    """Return the way out for an unknown name: the one of `known` that is most like it, or else all of them.

    One that ends in the whole name, after `-` or `_`, is the most like it.

    >>> meant("--iterations", ["--iterations-per-token", "--decoding-iterations"])
    'did you mean --decoding-iterations?'
    >>> meant("iteration", ["length_beam", "iterations"]), meant("colour", ["length_beam", "iterations"])
    ('did you mean iterations?', 'there are length_beam, iterations')
    """
    bare = name.lstrip("-")
    longer = [one for one in known if bare and one.endswith((f"-{bare}", f"_{bare}"))]
    found = longer or difflib.get_close_matches(name, known, n=1)
    return f"did you mean {found[0]}?" if found else f"there are {', '.join(known)}"
