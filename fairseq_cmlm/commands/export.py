"""`fairseq-cmlm export`: a model as a bundle, which `fairseq-cmlm-runtime` decodes without torch and fairseq."""

from __future__ import annotations

import argparse
from pathlib import Path

from fairseq_cmlm.commands.model_options import add_data_options
from fairseq_cmlm.commands.naming_lines import naming_lines
from fairseq_cmlm.text.packages import imported


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("checkpoint", type=Path, help="the model")
    parser.add_argument("folder", type=Path, help="the bundle to write")
    add_data_options(parser)
    parser.add_argument(
        "--text-pipeline",
        metavar="FILE",
        help="how raw text is prepared: a text.json, for a model without a text pipeline of its own",
    )
    parser.add_argument(
        "--compare-on",
        type=Path,
        nargs=2,
        metavar=("SOURCE", "REFERENCE"),
        help="compare the bundle, in float32 and int8, with the model on raw text, a sentence a line; the table, with "
        "BLEU, stands in the model card",
    )
    parser.add_argument("--scores", metavar="TEXT", help="for the model card: `BLEU 38.1 on ...`")
    parser.add_argument("--training-data", metavar="TEXT", help="for the model card: what the model was trained on")
    parser.add_argument("--data-licence", metavar="TEXT", help="for the model card: the licence of the training data")


def run(options: argparse.Namespace) -> str:
    """Export the model, and return what was written."""
    for name in ("onnx", "onnxruntime"):
        imported(name, "a bundle")
    from fairseq_cmlm.experiments.parallel_text import read_sides
    from fairseq_cmlm.export.bundle import export
    from fairseq_cmlm.export.comparison import RawText
    from fairseq_cmlm.render.card import Told

    languages = (options.source_lang, options.target_lang)
    told = Told(options.scores, options.training_data, options.data_licence)
    made = (options.checkpoint, options.folder, options.data, languages, options.text_pipeline, told)
    if options.compare_on is None:
        return "\n".join(export(*made))
    with naming_lines(texts=options.compare_on[0]):
        return "\n".join(export(*made, RawText(*read_sides(*options.compare_on))))
