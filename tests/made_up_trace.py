"""Made-up translations with a history, in the form that a Translator returns: showing them needs no model."""

from __future__ import annotations

from typing import Optional, Sequence

from fairseq_cmlm.tracing import Run
from fairseq_cmlm.translation import Candidate, TracedPass, Translation

SCRIPT = "<script>document.title='broken'</script>"
# A pass as words, their probabilities, and how many are masked again.
Made = tuple[Sequence[str], Sequence[float], int]


def history(passes: Sequence[Made], source: Sequence[str], given: Optional[int] = None) -> list[TracedPass]:
    """The passes of one candidate by mask-predict; position `given` is fixed."""
    found: list[TracedPass] = []
    for words, probabilities, count in passes:
        before = found[-1] if found else None
        open_places = [i for i in range(len(words)) if i != given]
        order = sorted(open_places, key=lambda i: probabilities[i])
        masked = [i in order[:count] for i in range(len(words))]
        hidden = [i != given for i in range(len(words))] if before is None else before.masked_again
        read = ["<mask>" if hides else word for hides, word in zip(hidden, before.written if before else words)]
        found.append(
            TracedPass(
                read=read,
                written=list(words),
                predicted=list(hidden),
                text=" ".join(words[:-1]),
                probabilities=list(probabilities),
                masked_again=masked,
                ranks=[order.index(i) if i in order else -1 for i in range(len(words))],
                why=[_why(i == given, masked[i], hidden[i], count) for i in range(len(words))],
                alternatives=[
                    [(word, p), ("other", p / 2)] if hides else []
                    for word, p, hides in zip(words, probabilities, hidden)
                ],
                attention=[[round(1 / len(source), 2)] * (len(source) - 1) + [0.5] for _ in words],
                score=-1.0 - len(found) / 8,
            )
        )
    return found


def _why(given: bool, masked: bool, predicted: bool, count: int) -> str:
    if given:
        return "given"
    if masked:
        return "unsure" if predicted else "taken back"
    return "kept" if count else "finished"


def candidate(number: int, passes: list[TracedPass]) -> Candidate:
    """A candidate that has made some passes."""
    last = passes[-1]
    score = last.score - 0.25
    return Candidate(len(last.written), number, last.text, score, {"confidence": score}, -0.25, len(passes), passes)


def translation(
    source: Sequence[str], kept: Sequence[Sequence[Made]], lost: Sequence[Sequence[Made]] = ()
) -> Translation:
    """A translation with candidates, the best first, and some that were given up."""
    candidates = [candidate(i, history(passes, source)) for i, passes in enumerate(kept)]
    given_up = [candidate(len(kept) + i, history(passes, source)) for i, passes in enumerate(lost)]
    return Translation(candidates[0].text, candidates[0].score, list(source), candidates, given_up)


END = "</s>"
ENGLISH: list[Made] = [
    (["a", "a", SCRIPT, END], [0.9, 0.3, 0.004, 0.99], 3),
    (["a", "dog", SCRIPT, END], [0.8, 0.6, 0.3, 0.99], 2),
    (["a", "dog", "sleeps", END], [0.8, 0.7, 0.9, 0.99], 0),
]
LONGER: list[Made] = [
    (["the", "the", "dog", "sleeps", END], [0.4, 0.3, 0.2, 0.5, 0.9], 2),
    (["the", "small", "dog", "sleeps", END], [0.4, 0.5, 0.6, 0.5, 0.9], 0),
]
LOST: list[Made] = [(["dog", END], [0.2, 0.9], 1)]
HEBREW: list[Made] = [
    (["כלב", "כלב", END], [0.9, 0.3, 0.9], 1),
    (["כלב", "ישן", END], [0.9, 0.8, 0.9], 0),
]
TEXTS = [f"ein Hund schläft {SCRIPT}", "كلب نائم", "eins"]
REFERENCES = ["a dog sleeps soundly", "כלב ישן", "one"]
SOURCES = [["ein", "Hund", "schläft", END], ["كلب", "نائم", END], ["eins", END]]
ONE: list[Made] = [(["one", END], [0.7, 0.9], 0)]


def runs() -> list[Run]:
    """Two runs over three texts: the second takes fewer passes."""
    first = [
        translation(SOURCES[0], [ENGLISH, LONGER], [LOST]),
        translation(SOURCES[1], [HEBREW]),
        translation(SOURCES[2], [ONE]),
    ]
    second = [translation(SOURCES[0], [LONGER]), translation(SOURCES[1], [HEBREW]), translation(SOURCES[2], [ONE])]
    return [Run("first", "strategy:mask_predict", first), Run(SCRIPT, "strategy:other", second)]
