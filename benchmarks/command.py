"""Run a benchmark from the command line."""

from __future__ import annotations

import argparse
import logging
import os
import shlex
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Sequence

from fairseq_cmlm.errors import UserError


@dataclass(frozen=True)
class Command:
    """A benchmark as a command: its table is printed, and an error of the user's ends it with one line, status 1.

    add    adds its options
    run    measures with the parsed options, gets the whole command too, and returns the table
    check  completes the options; raises an OptionError for those that cannot work
    """

    name: str
    usage: str
    add: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, str], str]
    check: Callable[[argparse.Namespace], None] = lambda options: None

    def __call__(self, arguments: Sequence[str]) -> None:
        """Run with `arguments`."""
        try:
            print(self.run(self.parse(arguments), shlex.join(["python", "-m", "benchmarks", self.name, *arguments])))
        except UserError as error:
            sys.exit(f"benchmarks {self.name}: {error}")

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Return the options, checked."""
        whole = argparse.RawDescriptionHelpFormatter
        program = f"python -m benchmarks {self.name}"
        parser = argparse.ArgumentParser(
            prog=program, description=self.usage, formatter_class=whole, allow_abbrev=False
        )
        output = Path("work") / self.name
        parser.add_argument("--output", type=Path, default=output, help="writes OUTPUT.md and OUTPUT.json")
        self.add(parser)
        options = parser.parse_args(arguments)
        self.check(options)
        return options


def quiet() -> None:
    """Hide what fairseq and hydra log and warn of, here and in processes started from here."""
    os.environ.setdefault("LOGLEVEL", "WARNING")
    logging.disable(logging.INFO)
    warnings.simplefilter("ignore")
