"""The bundle of a checkpoint: graphs, symbols, text pipeline, manifest and model card in a folder."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Mapping, Optional

import fairseq_cmlm
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.decoding.presets import PRESETS
from fairseq_cmlm.errors import BundleError, OptionError
from fairseq_cmlm.export.agreement import check_graphs
from fairseq_cmlm.export.card import card
from fairseq_cmlm.export.comparison import RawText, comparison
from fairseq_cmlm.export.graph import LINEAR
from fairseq_cmlm.export.network_graph import encoder_graph, step_graph
from fairseq_cmlm.files import FilePath, write_files
from fairseq_cmlm.plugin.loading import load_models
from fairseq_cmlm.plugin.model import CMLMModel
from fairseq_cmlm.plugin.task import TranslationCMLMTask
from fairseq_cmlm.render.card import Told
from fairseq_cmlm.runtime.manifest import FILE_NAME, GRAPH, SYMBOLS, Manifest, Symbols
from fairseq_cmlm.runtime.network import Network
from fairseq_cmlm.runtime.options import carried
from fairseq_cmlm.text.pipeline_file import FILE_NAME as TEXT
from fairseq_cmlm.text.pipeline_file import to_json
from fairseq_cmlm.translator import Translator

CARD = "README.md"


def export(
    checkpoint: Path,
    folder: Path,
    data: Optional[FilePath] = None,
    languages: tuple[Optional[str], Optional[str]] = (None, None),
    text_pipeline: Optional[FilePath] = None,
    told: Optional[Told] = None,
    compared_on: Optional[RawText] = None,
) -> list[str]:
    """Write the bundle of a checkpoint into `folder`, whole or not at all; return lines that say what was written.

    data, languages, text_pipeline  as in Translator
    compared_on                     a text on which bundle and checkpoint are compared, for the model card

    Raise a CheckpointError or a BundleError if the model cannot be exported.
    """
    if not checkpoint.is_file() and os.pathsep in str(checkpoint):
        raise BundleError(f"{checkpoint} is an ensemble, and a bundle holds one model: name one of them")
    if (folder / FILE_NAME).exists():
        raise OptionError(f"{folder} holds a bundle already: remove it, or name another folder")
    task, models = load_models([checkpoint], data, *languages, text_pipeline)
    model = models[0].eval()
    if not isinstance(model, CMLMModel):
        raise BundleError(f"{checkpoint} has no model of --arch cmlm_*, which alone can be exported")
    if compared_on is not None and task.text is None:
        raise OptionError("--compare-on is for models that read raw text: give it a text pipeline with --text-pipeline")
    files = _content(task, model)
    manifest = _manifest(task, model, files)
    files[FILE_NAME], told, table = manifest.to_json().encode(), told or Told(), []
    if compared_on is not None:
        source, target = languages
        model_again = Translator(checkpoint, data, source_lang=source, target_lang=target, text_pipeline=text_pipeline)
        with TemporaryDirectory() as unread:
            _write(Path(unread), files)
            table = [comparison(model_again, Path(unread), compared_on)]
        told = replace(told, scores="\n\n".join(filter(None, [told.scores, *table])))
    files[CARD] = card(manifest, files, told).encode()
    _write(folder, files)
    sizes = [f"{folder / name}: {len(content):,} bytes" for name, content in files.items()]
    return [*sizes, *_advice(manifest), *table]


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files, name -> content, all or none."""
    write_files({folder / name: lambda file, content=content: file.write(content) for name, content in files.items()})  # type: ignore[misc]


def _content(task: TranslationCMLMTask, model: CMLMModel) -> dict[str, bytes]:
    """Return the content, by name, of the files whose digests the manifest holds."""
    symbols = _symbols(task)
    files = {}
    for dtype, linear in LINEAR.items():
        banned = (symbols.bos, symbols.pad, symbols.eos, symbols.mask)
        graphs = {"encoder": encoder_graph(model, linear), "step": step_graph(model, linear, banned, symbols.eos)}
        files.update({GRAPH.format(name=name, dtype=dtype): one.SerializeToString() for name, one in graphs.items()})
    for dtype in LINEAR:
        encoder, step = (files[GRAPH.format(name=name, dtype=dtype)] for name in ("encoder", "step"))
        check_graphs(model, Network(encoder, step), symbols, model.max_positions(), exact=dtype == "float32")
    for language, dictionary in zip(_languages(task), (task.source_dictionary, task.target_dictionary)):
        files[SYMBOLS.format(language=language)] = "".join(f"{one}\n" for one in dictionary.symbols).encode()
    if task.text is not None:
        files[TEXT] = to_json(task.text.renamed(*_languages(task))).encode()
    return files


def _manifest(task: TranslationCMLMTask, model: CMLMModel, files: dict[str, bytes]) -> Manifest:
    sizes = {
        "parameters": sum(one.numel() for one in model.parameters()),
        "encoder_layers": len(model.encoder.layers),
        "decoder_layers": len(model.decoder.layers),
        "features": model.decoder.output.in_features,
        "words": model.decoder.output.out_features,
    }
    return Manifest(
        package=fairseq_cmlm.__version__,
        languages=_languages(task),
        symbols=_symbols(task),
        limits=model.max_positions(),
        sizes=sizes,
        objective=model.objective,
        text=None if task.text is None else task.text.signature,
        dtypes=tuple(LINEAR),
        options=carried(Decoding),
        presets=PRESETS,
        longest=task.longest,
        files={name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    )


def _languages(task: TranslationCMLMTask) -> tuple[str, str]:
    return task.cfg.source_lang, task.cfg.target_lang


def _symbols(task: TranslationCMLMTask) -> Symbols:
    own = task.symbols
    return Symbols(own.bos, own.pad, own.eos, task.target_dictionary.unk(), own.mask)


def _advice(manifest: Manifest) -> list[str]:
    if manifest.text is not None:
        return []
    return [
        "The model has no text pipeline: the bundle reads and writes subwords with spaces between them. To have it "
        f"read and write text, give it a pipeline with --text-pipeline {TEXT}, which fairseq-cmlm text writes."
    ]
