"""`fairseq-cmlm format`."""

from __future__ import annotations

import argparse
from pathlib import Path

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.formats import FORMATS


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    formats = "; ".join(f"{name}: {row.title}, of {row.files}" for name, row in FORMATS.items())
    parser.add_argument("name", choices=FORMATS, metavar="NAME", help=formats.format(split="{train,valid,test}"))
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder with the publisher's files")
    parser.add_argument(
        "output",
        type=Path,
        metavar="TEXT",
        help="folder that receives {train,valid,test}.{source,target}, for `fairseq-cmlm prepare TEXT WORK -s source "
        "-t target --language en`, and .jsonl, for `fairseq-cmlm score --examples`",
    )
    parser.add_argument(
        "--text-pipeline",
        type=Path,
        metavar="FILE",
        help="the text.json that `prepare` wrote: write templates with blanks of known length too",
    )
    parser.add_argument(
        "--longest",
        type=int,
        metavar="N",
        help="cut sources after this many words, and report how many were cut (default: keep them whole)",
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="seed of what is drawn (%(default)s)")


def run(options: argparse.Namespace) -> str:
    """Write the text, and return what was written."""
    from fairseq_cmlm.formats.write import write_format

    longest = options.longest
    if longest is not None and longest < 1:
        raise OptionError(f"--longest {longest} is less than 1")
    given = (options.name, options.folder, options.output, options.seed, options.text_pipeline, longest)
    return "\n".join(write_format(*given))
