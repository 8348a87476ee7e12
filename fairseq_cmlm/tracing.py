"""`fairseq-cmlm trace`: the passes of decodings as one document, written as data, a page or a picture."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Callable, Optional, Sequence

import fairseq_cmlm
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.files import write_files
from fairseq_cmlm.measures.bleu import Bleu
from fairseq_cmlm.render.page import page
from fairseq_cmlm.render.trace_picture import picture
from fairseq_cmlm.translation import Candidate, Translation, shares

_DIGITS = 4  # significant digits that are shown


@dataclass(frozen=True)
class Run:
    """One way to decode the texts: its name, the signature of the decoding, and the translations with their history."""

    name: str
    signature: str
    translations: Sequence[Translation]


def trace_document(
    texts: Sequence[str],
    runs: Sequence[Run],
    languages: tuple[str, str],
    references: Optional[Sequence[str]] = None,
    tokenise: Optional[str] = None,
) -> dict[str, Any]:
    """Return the document of several runs over the same texts, made of JSON values.

    languages   names of source and target
    references  translations for BLEU by pass and for the oracle: the candidate, of those that were not given up, whose
                last pass has the best BLEU
    tokenise    sacreBLEU's tokenizer; None for that of the target language

    sentences -> decodings (one per run, with the source as that model reads it) -> candidates (best first, given up
    last) -> history, a list of `TracedPass`. Values that need a reference are null without one.
    """
    bleu = None if references is None else Bleu([references], tokenise, language=languages[1])
    sentences = [
        {
            "text": text,
            "reference": None if references is None else references[i],
            "decodings": [_decoding(run.translations[i], i, bleu) for run in runs],
        }
        for i, text in enumerate(texts)
    ]
    facts = [
        {"name": run.name, "signature": run.signature, "bleu": None if bleu is None else _by_pass(run, bleu)}
        for run in runs
    ]
    found: dict[str, Any] = _rounded(
        {
            "version": fairseq_cmlm.__version__,
            "languages": list(languages),
            "bleu_signature": None if bleu is None else bleu.signature,
            "runs": facts,
            "sentences": sentences,
        }
    )
    return found


def _decoding(translation: Translation, number: int, bleu: Optional[Bleu]) -> dict[str, Any]:
    """Return the candidates of sentence `number`, and which of them, except those given up, is the oracle."""
    candidates = [_candidate(one, False, number, bleu) for one in translation.candidates]
    finals = [0.0 if one["bleu"] is None else one["bleu"][-1] for one in candidates]
    given_up = [_candidate(one, True, number, bleu) for one in translation.given_up]
    return {
        "source": translation.source,
        "oracle": None if bleu is None else finals.index(max(finals)),
        "candidates": candidates + given_up,
    }


def _candidate(one: Candidate, given_up: bool, number: int, bleu: Optional[Bleu]) -> dict[str, Any]:
    scores = None if bleu is None else bleu.of_sentence(number, [made.text for made in one.history or []])
    return {**asdict(one), "given_up": given_up, "bleu": scores}


def _by_pass(run: Run, bleu: Bleu) -> list[float]:
    """Return the BLEU of all sentences after each pass; finished candidates keep their last text."""
    histories = [translation.candidates[0].history or [] for translation in run.translations]
    return [
        bleu.score([history[min(done, len(history) - 1)].text for history in histories])
        for done in range(max(map(len, histories)))
    ]


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, dict):
        return {key: (shares if key == "attention" else _rounded)(one) for key, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, (list, tuple)) else value


def _page(document: dict[str, Any]) -> str:
    source, target = document["languages"]
    number = len(document["sentences"])
    runs = ", ".join(run["name"] for run in document["runs"])
    summary = f"{source} → {target} · {number} {'sentence' if number == 1 else 'sentences'} · {runs}"
    signature = f"BLEU: {document['bleu_signature']}. " if document["bleu_signature"] else ""
    return page("trace", document, summary=summary, signature=f"{signature}fairseq_cmlm {document['version']}.")


# File ending -> function that renders the document.
FORMATS: dict[str, Callable[[dict[str, Any]], str]] = {
    ".html": _page,
    ".json": lambda document: json.dumps(document, ensure_ascii=False) + "\n",
    ".svg": picture,
}


def check_outputs(outputs: Sequence[Path]) -> None:
    """Raise an OptionError for a file name without a known ending."""
    for path in outputs:
        if path.suffix not in FORMATS:
            raise OptionError(
                f"--output {path} must end in {', '.join(FORMATS)}: the end of the name says what it holds"
            )


def write_trace(document: dict[str, Any], outputs: Sequence[Path]) -> None:
    """Write the document to each of `outputs` in the format of its ending; all or none, replacing old files."""
    texts = {path: FORMATS[path.suffix](document).encode("utf-8") for path in outputs}
    write_files({path: lambda file, text=text: file.write(text) for path, text in texts.items()}, replace=True)  # type: ignore[misc]
