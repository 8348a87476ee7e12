"""`fairseq-cmlm demo`: a local page to type a text, watch its decoding, and take part in it."""

from __future__ import annotations

import argparse
import logging
import sys
from contextlib import contextmanager
from typing import Iterator

from fairseq_cmlm.commands.model_options import add_model_options, translator_of


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_model_options(parser)
    parser.add_argument(
        "--host", default="127.0.0.1", help="the address to serve at (default: %(default)s, yours alone)"
    )
    parser.add_argument(
        "--port", type=int, default=8000, metavar="N", help="port to serve at; 0 for any (default: %(default)s)"
    )


@contextmanager
def _no_texts_logged() -> Iterator[None]:
    """Keep the warning of unknown words, which quotes the text, out of the terminal; the page tells the user."""
    logger = logging.getLogger("fairseq_cmlm.plugin.unknown_words")
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = False


def run(options: argparse.Namespace) -> str:
    """Serve until interrupted."""
    from fairseq_cmlm.demo.server import DemoServer, warning

    with _no_texts_logged(), DemoServer(options.host, options.port, translator_of(options)) as server:
        told = warning(options.host)
        if told is not None:
            print(f"fairseq-cmlm demo: {told}", file=sys.stderr)
        print(f"{server.address} (Ctrl+C ends it)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return ""
    return ""
