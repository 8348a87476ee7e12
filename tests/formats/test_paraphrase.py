"""Paraphrases of ParaSCI: lines side by side, those of one source together."""

from __future__ import annotations

from pathlib import Path

from fairseq_cmlm.formats.format import Part
from fairseq_cmlm.formats.paraphrase import PARAPHRASE


def test_lines_with_one_source_are_references_of_one_example(tmp_path: Path) -> None:
    (tmp_path / "valid.src").write_text("a\nb\na\na\n")
    (tmp_path / "valid.tgt").write_text("one\ntwo\nthree\none\n")
    read = list(PARAPHRASE.read(Part(tmp_path, "valid", 1)))
    assert [(one.source, one.references) for one in read] == [("a", ("one", "three")), ("b", ("two",))]
