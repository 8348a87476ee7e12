"""Packages that a pipeline may need, imported when it does."""

from __future__ import annotations

import importlib
from typing import Any

from fairseq_cmlm.errors import OptionError

# Import name -> name for pip, where the two differ.
_DISTRIBUTIONS = {"subword_nmt": "subword-nmt"}


def imported(name: str, what: str) -> Any:
    """Import and return the module `name`; raise an OptionError that says how to install it for `what`."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise OptionError(
            f"{what} needs {package}: pip install {_DISTRIBUTIONS.get(package, package)} ({error})"
        ) from None
