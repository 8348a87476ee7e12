"""Packages that a pipeline may need, imported when it does."""

from __future__ import annotations

import importlib
from typing import Any

from fairseq_cmlm.errors import OptionError

# What pip calls them, where it is another name.
_DISTRIBUTIONS = {"subword_nmt": "subword-nmt"}


def imported(name: str, what: str) -> Any:
    """Return the module `name`; an OptionError tells how to install it for `what`."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise OptionError(
            f"{what} needs {package}: pip install {_DISTRIBUTIONS.get(package, package)} ({error})"
        ) from None
