"""`fairseq-cmlm score`: a table of all measures of outputs of fairseq-generate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Optional, Sequence

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.files import read_lines
from fairseq_cmlm.generated import (
    Cost,
    all_in_order,
    cost_of,
    decoding_of,
    label_scores_of,
    read_generated,
    targets_of,
    temperature_of,
    text_of,
)
from fairseq_cmlm.measures.measure import Gold, Output
from fairseq_cmlm.measures.significance import Difference, compare, named_tests
from fairseq_cmlm.measures.table import MEASURES
from fairseq_cmlm.measures.words import letters
from fairseq_cmlm.render.markdown import markdown_table, numbers

_UNKNOWN = "<unk>"  # in a target that has words the dictionary lacks


def read_gold(references: Sequence[Path], tokenise: Optional[str], tokenised_reference: Optional[Path]) -> Gold:
    """Read the reference texts, which must have the same number of lines."""
    paths = [*references, *([tokenised_reference] if tokenised_reference else [])]
    texts = [read_lines(path) for path in paths]
    if not texts[0]:
        raise TextError(f"{paths[0]} is empty: there is nothing to score")
    for path, lines in zip(paths, texts):
        if len(lines) != len(texts[0]):
            raise TextError(f"{path} has {len(lines)} lines and {references[0]} {len(texts[0])}")
    words = texts.pop() if tokenised_reference else None
    return Gold(references=texts, tokenise=tokenise, tokenised_reference=words)


def with_first(against: Optional[Path], outputs: Sequence[Path]) -> Sequence[Path]:
    """Return outputs with the one first that the others are compared with, if any is."""
    return outputs if against is None else [against, *(path for path in outputs if path != against)]


def read_output(path: Path, sentences: int) -> Output:
    """Read what fairseq-generate printed, complete and in the order of the text."""
    lines = read_lines(path)
    translations = all_in_order(read_generated(lines, str(path)), sentences, str(path))
    scores = label_scores_of(lines, sentences, str(path))
    texts, tokens = [one.text for one in translations], [one.tokens for one in translations]
    return Output(texts, tokens, label_scores=scores, temperature=temperature_of(lines))


def cost_beside(path: Path, lines: Sequence[str]) -> Cost:
    """Return the cost that the `lines` of an output tell, or those of the log beside it, OUTPUT.log."""
    log = path.with_name(f"{path.name}.log")
    return cost_of([*(read_lines(log) if log.is_file() else []), *lines])


def score_table(
    outputs: Sequence[Path],
    references: Sequence[Path],
    tokenise: Optional[str] = None,
    tokenised_reference: Optional[Path] = None,
    against: Optional[Path] = None,
) -> str:
    """Return a Markdown table with a row for each output, followed by the signatures of measures and decodings.

    Passes of a sentence, tokens of a pass, and seconds of the whole have a column where an output tells them, or
    OUTPUT.log beside it.

    outputs              files that fairseq-generate printed
    references           one or more raw texts
    tokenise             sacreBLEU's tokenizer for BLEU; None for that of the outputs' language, or 13a if unknown
    tokenised_reference  words of a reference as in the training text, before BPE: adds tokenised BLEU
    against              another output, shown first: adds the differences from it, where there is a test
    """
    outputs = with_first(against, outputs)
    gold = read_gold(references, tokenise, tokenised_reference)
    lines = [read_lines(path) for path in outputs]
    prepared = list(map(text_of, lines))
    gold = replace(gold, language=target_language(prepared))
    read = [read_output(path, len(gold.references[0])) for path in outputs]
    columns = {"output": [path.stem for path in outputs]}
    different: dict[str, Sequence[Difference]] = {}
    signatures = []
    for measure in MEASURES.values():
        scale = measure.scale(gold)
        scores = [scale.score(output) for output in read] if scale else []
        if scale is None or all(score is None for score in scores):
            continue
        columns[measure.title] = numbers(scores, measure.digits)
        if against is not None and (found := compare(scale, read)):
            columns[f"{measure.title}, difference"] = ["-", *map(str, found)]
            different[measure.title] = found
        signatures += [f"{measure.title} {scale.signature}"] * bool(scale.signature)
    columns |= cost_columns(list(map(cost_beside, outputs, lines)))
    signatures += named_tests(different, outputs[0].stem)
    signatures += _told("decoding", outputs, list(map(decoding_of, lines)))
    signatures += _told("text", outputs, prepared) * any(prepared)
    signatures += _doubts(outputs, list(map(targets_of, lines)), references, gold)[:1]
    return "\n".join([markdown_table(list(columns), list(zip(*columns.values()))), "", *signatures])


def cost_columns(costs: Sequence[Cost]) -> dict[str, list[str]]:
    """Return the columns of passes, tokens per pass, and seconds that are known of any output."""
    columns = {
        "passes": numbers([one.passes for one in costs], 1),
        "tokens a pass": numbers([one.tokens_per_pass for one in costs], 2),
        "seconds": numbers([one.seconds for one in costs], 1),
    }
    return {head: spent for head, spent in columns.items() if set(spent) != {"-"}}


def _doubts(outputs: Sequence[Path], targets: Sequence[dict[int, str]], names: Sequence[Path], gold: Gold) -> list[str]:
    """Return a question for each output most of whose own `targets` are texts of none of the references."""
    known = [[letters(line or "") for line in lines] for lines in gold.references]
    found = []
    for output, own in zip(outputs, targets):
        texts = {i: text for i, text in own.items() if i < len(known[0]) and _UNKNOWN not in text}
        others = sum(all(lines[i] != letters(text) for lines in known) for i, text in texts.items())
        if 2 * others > len(texts):
            which = f"{others} of the {len(texts)} targets in {output} are other texts"
            found.append(f"Is this the right reference? {which} than in {', '.join(map(str, names))}")
    return found


def target_language(prepared: Sequence[str]) -> str:
    """Return the target language that the signatures of text pipelines name; "" if they name none or several."""
    found = {signature.partition("|")[0].rpartition("-")[2] for signature in prepared if signature}
    return found.pop() if len(found) == 1 else ""


def _told(what: str, outputs: Sequence[Path], found: Sequence[str]) -> list[str]:
    """Return the signatures of the outputs: one line if all are equal, else one line each."""
    alike = len(set(found)) == 1
    told = [f"{'' if alike else f'of {path.stem}: '}{one or 'unknown'}" for path, one in zip(outputs, found)]
    lines = [f"{what} {one}" for one in told]
    return lines[:1] if alike else lines
