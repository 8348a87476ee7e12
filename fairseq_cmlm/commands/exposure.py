"""`fairseq-cmlm exposure`: measure how a model copes with its own words."""

from __future__ import annotations

import argparse

from fairseq_cmlm.commands.naming_lines import naming_lines
from fairseq_cmlm.commands.references import add_model_and_references, model_and_references


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_model_and_references(parser)


def run(options: argparse.Namespace) -> str:
    """Return exposure gap and repair rate."""
    from fairseq_cmlm import __version__

    translator, texts, targets = model_and_references(options)
    with naming_lines(texts=options.source, targets=options.target):
        found = translator.exposure(texts, targets)
    given, own = found.given / found.masked, found.own / found.masked
    mended, broken = 100 * found.mended / max(found.wrong, 1), 100 * found.broken / max(found.right, 1)
    return "\n".join(
        [
            f"exposure gap {own - given:.3f} nats: a masked token costs {given:.3f} beside the reference's words, "
            f"{own:.3f} beside the model's own",
            f"repair rate {mended:.1f} %: so many of {found.wrong} wrong words are mended, and {broken:.1f} % of "
            f"{found.right} right ones broken",
            f"of {len(texts)} sentences, {found.masked} masked tokens; the model's own words are those of one pass",
            f"exposure|version:{__version__}",
        ]
    )
