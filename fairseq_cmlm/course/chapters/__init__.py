"""The chapters in their order. To add one: a file here, a row in CHAPTERS, a row in its test."""

from __future__ import annotations

from fairseq_cmlm.course.chapter import Chapter
from fairseq_cmlm.course.chapters import (
    applications,
    architecture,
    classification,
    concept,
    generation,
    improvements,
    masking,
    optimisation,
    principle,
    strategies,
    tradeoffs,
    training,
    trends,
)

# Name, which is that of the page -> the chapter.
CHAPTERS: dict[str, Chapter] = {
    "concept": concept.CHAPTER,
    "principle": principle.CHAPTER,
    "architecture": architecture.CHAPTER,
    "masking": masking.CHAPTER,
    "strategies": strategies.CHAPTER,
    "training": training.CHAPTER,
    "optimisation": optimisation.CHAPTER,
    "applications": applications.CHAPTER,
    "tradeoffs": tradeoffs.CHAPTER,
    "improvements": improvements.CHAPTER,
    "trends": trends.CHAPTER,
    "classification": classification.CHAPTER,
    "generation": generation.CHAPTER,
}
