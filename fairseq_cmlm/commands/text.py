"""`fairseq-cmlm text`."""

from __future__ import annotations

import argparse
from pathlib import Path

from fairseq_cmlm.commands.pipeline_options import add_pipeline_options, pipeline_of


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("output", type=Path, metavar="FILE", help="the file to write: DATA/text.json")
    add_pipeline_options(parser, usual="none")


def run(options: argparse.Namespace) -> str:
    """Write the file, and return the signature of the pipeline."""
    from fairseq_cmlm.files import write_files
    from fairseq_cmlm.text.pipeline_file import to_json

    pipeline = pipeline_of(options, usual=["none"])
    write_files({options.output: lambda file: file.write(to_json(pipeline).encode())})
    return f"wrote   {options.output}: {pipeline.signature}"
