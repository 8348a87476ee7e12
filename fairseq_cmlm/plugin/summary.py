"""Reporting a decoding in fairseq's commands: its signature before the output, its passes in the final summary."""

from __future__ import annotations

import logging
from typing import Any, Sequence

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.generated import SIGNATURE
from fairseq_cmlm.plugin.signatures import show

# Logger -> the beginning of its final line.
_SUMMARIES = {"fairseq_cli.generate": "Translated ", "fairseq_cli.interactive": "Total time: "}


class PassCounter(logging.Filter):
    """A counter of the passes and tokens of best hypotheses, which adds them to a command's final line."""

    def __init__(self) -> None:
        super().__init__()
        self.sentences = self.passes = self.tokens = 0

    def count(self, sentences: Sequence[Sequence[dict[str, Any]]]) -> None:
        """Count the best hypothesis of each sentence."""
        for best, *_ in sentences:
            self.sentences += 1
            self.passes += best["passes"]
            self.tokens += best["length"]

    def text(self) -> str:
        """Return the mean passes of a sentence, and the mean tokens of its best translation, `</s>` included, per pass.

        >>> counter = PassCounter()
        >>> counter.count([[{"passes": 4, "length": 10}], [{"passes": 2, "length": 5}]])
        >>> counter.text()
        '3.0 passes a sentence, 2.50 tokens a pass'
        """
        mean = self.passes / max(self.sentences, 1)
        return f"{mean:.1f} passes a sentence, {self.tokens / max(self.passes, 1):.2f} tokens a pass"

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every line pass; extend the final one."""
        begin = _SUMMARIES.get(record.name)
        if begin and self.sentences and record.getMessage().startswith(begin):
            record.msg, record.args = f"{record.getMessage()}; {self.text()}", ()
        return True

    def add_to_summaries(self) -> None:
        """Attach to the loggers, replacing the counter of an earlier generator."""
        for name in _SUMMARIES:
            logger = logging.getLogger(name)
            logger.filters = [one for one in logger.filters if not isinstance(one, PassCounter)] + [self]


def frame_output(decoding: Decoding, counter: PassCounter) -> None:
    """Print the signature, and have the passes counted, in fairseq's own commands."""
    if show(SIGNATURE, decoding.signature()):
        counter.add_to_summaries()
