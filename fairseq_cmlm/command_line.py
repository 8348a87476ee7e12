"""The console command `fairseq-cmlm`."""

import argparse
from pathlib import Path
from typing import Optional, Sequence


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """Run `fairseq-cmlm` with `arguments`, those of the process if None."""
    parser = argparse.ArgumentParser(prog="fairseq-cmlm", description="Mask-Predict for fairseq")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    path = commands.add_parser("path", help="print the folder for fairseq's --user-dir")
    path.set_defaults(run=lambda _: print(Path(__file__).resolve().parent))
    parsed = parser.parse_args(arguments)
    parsed.run(parsed)
