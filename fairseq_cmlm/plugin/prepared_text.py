"""The text pipeline of a model, from a file or a data folder, and its agreement with options of fairseq."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path
from typing import Any, Optional, Sequence

from fairseq import utils
from fairseq.data import encoders

from fairseq_cmlm.errors import OptionError, TextError
from fairseq_cmlm.files import FilePath, file_digest
from fairseq_cmlm.text.pipeline import PreparedText, TextPipeline
from fairseq_cmlm.text.pipeline_file import FILE_NAME, agreed, read_pipeline
from fairseq_cmlm.text.subwords import SubwordModel

NONE = "none"  # --text-pipeline none
# fairseq's --bpe -> the option that names its file, and the kind of its subwords.
_BPE = {
    "subword_nmt": ("bpe_codes", "subword-nmt"),
    "fastbpe": ("bpe_codes", "subword-nmt"),
    "sentencepiece": ("sentencepiece_model", "sentencepiece"),
}
# fairseq's --post-process -> the kind of subwords that it joins.
_JOINED = {"subword_nmt": "subword-nmt", "@@ ": "subword-nmt", "sentencepiece": "sentencepiece"}
_WAY_OUT = "leave it out, or add --text-pipeline none to prepare text by your own options alone"


# From files


def given_pipeline(cfg: Any, from_checkpoint: bool = False) -> Optional[TextPipeline]:
    """Return the pipeline of --text-pipeline FILE, for the languages of `cfg`; None without the option.

    A checkpoint records the option of its training, whose file may be gone; the checkpoint holds its content.
    """
    given = cfg.text_pipeline
    if given in (None, NONE) or (from_checkpoint and not Path(given).is_file()):
        return None
    return _read(Path(given), cfg)


def folder_pipeline(cfg: Any) -> Optional[TextPipeline]:
    """Return the pipeline of the data folders, for the languages of `cfg`, unless an option rules it out.

    Raise a TextError if the pipelines of the folders differ.
    """
    found = None
    if cfg.text_pipeline is None:
        for path in (Path(folder, FILE_NAME) for folder in utils.split_paths(cfg.data)):
            found = agreed(_read(path, cfg) if path.is_file() else None, found, f"{path} and the folders before it")
    return found


def _read(path: Path, cfg: Any) -> TextPipeline:
    pipeline = read_pipeline(path)
    try:
        return pipeline.between(cfg.source_lang, cfg.target_lang)
    except TextError as error:
        raise TextError(f"{path}: {error}") from None


# Beside options


def check_tokenizer(pipeline: TextPipeline, name: Optional[str], options: Any = None) -> None:
    """Raise an OptionError if a tokenizer `name` is given that is not the pipeline's.

    options  options of fairseq's tokenizer moses
    """
    if name in (None, "text_pipeline"):
        return
    for switch in ("no_escape", "no_dash_splits"):
        name += f"-{switch.replace('_', '-')}" if getattr(options, f"moses_{switch}", False) else ""
    if name not in {side.tokeniser for side in pipeline.ends}:
        raise OptionError(
            f"the tokenizer {name} is not the one of the model's text pipeline ({pipeline.signature}): {_WAY_OUT}"
        )


def check_subwords(pipeline: TextPipeline, kind: str, path: FilePath, tokenizer: Optional[str]) -> None:
    """Raise an OptionError if the subword model in a file is not the pipeline's, or if only the pipeline tokenises.

    tokenizer  the tokenizer given beside it; subwords without one imply tokenised text
    """
    try:
        given = SubwordModel(kind, Path(path).read_bytes())
    except OSError as error:
        raise OptionError(f"{path} cannot be read: {error.strerror}") from None
    if given not in [side.subwords for side in pipeline.ends]:
        raise OptionError(
            f"the subwords of {path} ({kind},{given.digest[:8]}) are not those of the model's text pipeline "
            f"({pipeline.signature}): {_WAY_OUT}"
        )
    if tokenizer is None and any(side.tokeniser for side in pipeline.ends):
        raise OptionError(
            f"{path} without a tokenizer is for tokenised text, and the model's text pipeline reads raw text "
            f"({pipeline.signature}): {_WAY_OUT}"
        )


def check_bpe(pipeline: TextPipeline, options: Any, tokenizer: Optional[str]) -> None:
    """Raise an OptionError if fairseq's --bpe is given and not the pipeline's; `tokenizer` as in `check_subwords`."""
    name = getattr(options, "_name", None)
    if name is None:
        return
    if name not in _BPE:
        raise OptionError(f"--bpe {name} is not in the model's text pipeline ({pipeline.signature}): {_WAY_OUT}")
    option, kind = _BPE[name]
    check_subwords(pipeline, kind, getattr(options, option), tokenizer)


def check_post_process(pipeline: TextPipeline, name: Optional[str]) -> bool:
    """Return whether fairseq's --post-process joins the subwords; raise an OptionError if it joins none of them."""
    subwords = pipeline.ends[1].subwords
    if name is not None and (subwords is None or _JOINED.get(name) != subwords.kind):
        raise OptionError(
            f"--post-process {name} (--remove-bpe) does not join the subwords of the model's text pipeline "
            f"({pipeline.signature}): {_WAY_OUT}"
        )
    return name is not None


# By options alone


class Subwords:
    """Conversion between text and subwords by fairseq's tokenizers and subword-nmt, for a model without a pipeline.

    Without a tokenizer and codes, texts are sequences of subwords.

    target_codes  codes of the target language, if it has its own
    """

    def __init__(
        self,
        tokenizer: Optional[str],
        codes: Optional[FilePath],
        languages: tuple[str, str],
        target_codes: Optional[FilePath] = None,
    ) -> None:
        source, target = languages
        # fairseq's tokenizers read the first language and write the second.
        self._source = _make_tokenizer(tokenizer, source, target)
        self._target = _make_tokenizer(tokenizer, target, target)
        self._source_bpe = _make_bpe(codes)
        self._target_bpe = _make_bpe(target_codes) if target_codes else self._source_bpe

    def source(self, text: str) -> str:
        """Return the subwords of a text to translate."""
        return encode(self._source, self._source_bpe, text)

    def target(self, text: str) -> str:
        """Return the subwords of a reference."""
        return encode(self._target, self._target_bpe, text)

    def text(self, subwords: str) -> str:
        """Return the text of a translation."""
        text = self._target_bpe.decode(subwords) if self._target_bpe else subwords
        return str(self._target.decode(text) if self._target else text)


def encode(tokenizer: Any, bpe: Any, text: str) -> str:
    """Return the subwords of a text by fairseq's tokenizer and BPE; None skips either."""
    tokenized = tokenizer.encode(text) if tokenizer else text
    return str(bpe.encode(tokenized) if bpe else tokenized)


def _make_tokenizer(name: Optional[str], reads: str, writes: str) -> Any:
    if name is not None and name not in encoders.TOKENIZER_REGISTRY:
        raise OptionError(f"tokenizer {name} is none of {', '.join(sorted(encoders.TOKENIZER_REGISTRY))}")
    return encoders.build_tokenizer(Namespace(tokenizer=name, source_lang=reads, target_lang=writes))


def _make_bpe(codes: Optional[FilePath]) -> Any:
    """Return the BPE of a file of codes; None for None."""
    if codes is None:
        return None
    try:
        return encoders.build_bpe(Namespace(bpe="subword_nmt", bpe_codes=os.fspath(codes)))
    except (OSError, UnicodeError, SystemExit):  # subword_nmt exits at a line that is not a merge
        raise OptionError(f"bpe_codes {codes} is no file of codes that subword-nmt learn-bpe wrote") from None


def prepared_text(
    pipeline: Optional[TextPipeline],
    languages: tuple[str, str],
    tokenizer: Optional[str],
    codes: Optional[FilePath],
    target_codes: Optional[FilePath] = None,
) -> tuple[PreparedText, str]:
    """Return the preparation of text for a model, and its signature: the pipeline's, or that of the options.

    Raise an OptionError for options that contradict the pipeline.
    """
    given: Sequence[FilePath] = [file for file in (codes, target_codes) if file]
    if pipeline is None:
        digests = "+".join(file_digest(Path(file))[:8] for file in given if Path(file).is_file())
        text = Subwords(tokenizer, codes, languages, target_codes)
        return text, f"{'-'.join(languages)}|tokenizer:{tokenizer or NONE}|subwords:{digests or NONE}"
    check_tokenizer(pipeline, tokenizer)
    for file in given:
        check_subwords(pipeline, "subword-nmt", file, tokenizer)
    return pipeline, pipeline.signature
