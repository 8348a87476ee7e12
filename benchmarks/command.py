"""How a benchmark is run from the command line."""

from __future__ import annotations

import argparse
import shlex
import sys
from typing import Callable, Sequence

from fairseq_cmlm.errors import OptionError, TextError

Parse = Callable[[Sequence[str]], argparse.Namespace]
Run = Callable[[argparse.Namespace, str], str]


def command(name: str, parse: Parse, run: Run) -> Callable[[Sequence[str]], None]:
    """What runs with arguments: `run` gets the parsed ones and the whole command, and its table is printed.

    An error of the user's ends it with one line, status 1.
    """

    def main(arguments: Sequence[str]) -> None:
        try:
            print(run(parse(arguments), shlex.join(["python", "-m", "benchmarks", name, *arguments])))
        except (OptionError, TextError) as error:
            sys.exit(f"benchmarks {name}: {error}")

    return main
