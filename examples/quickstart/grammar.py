"""A parallel corpus made from a small grammar of two invented languages.

The source puts the verb in the middle and marks number only. The target puts the verb last, its nouns have a class and
a case, and articles and adjectives agree with them. Many sentences have several right translations:

- subject and object may change places, as the case says which is which;
- the adverb stands first or before the verb;
- some nouns have two words of different class, so that the choice of the noun decides article and adjective.

A model that predicts all words at once mixes these translations. One that may look at what it wrote does not have to.

    python grammar.py FOLDER    writes train, valid and test (.src, .tgt) and every right translation of the test
                                sentences (test.ref0.tgt, test.ref1.tgt, ...)
"""

from __future__ import annotations

import argparse
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# source noun -> its target stems, each with its class
NOUNS: dict[str, tuple[tuple[str, str], ...]] = {
    "bird": (("pirk", "a"),),
    "boat": (("navel", "o"), ("barut", "a")),
    "book": (("livor", "o"),),
    "child": (("kirel", "a"), ("panit", "o")),
    "city": (("urban", "a"),),
    "cloud": (("nebur", "o"), ("volat", "a")),
    "dog": (("kanor", "o"),),
    "farmer": (("agrol", "o"), ("teran", "a")),
    "fish": (("pisar", "a"),),
    "forest": (("silven", "o"),),
    "friend": (("amikor", "o"), ("sodal", "a")),
    "garden": (("hortil", "a"),),
    "horse": (("kaval", "o"),),
    "house": (("domar", "a"), ("kasel", "o")),
    "king": (("regon", "o"),),
    "lamp": (("lumir", "a"),),
    "letter": (("skriban", "a"), ("pistol", "o")),
    "river": (("fluven", "o"),),
    "stone": (("petror", "a"), ("kalun", "o")),
    "teacher": (("doken", "o"),),
    "tree": (("arbol", "a"),),
    "wolf": (("lupar", "o"),),
}
ADJECTIVES = {
    "big": "granel",
    "black": "nigor",
    "cold": "frigen",
    "good": "bonar",
    "green": "verdil",
    "happy": "felik",
    "new": "novar",
    "old": "vekor",
    "quiet": "kvietal",
    "small": "malen",
    "strong": "fortik",
    "young": "junel",
}
VERBS = {
    "carry": "porten",
    "draw": "desegn",
    "find": "trovar",
    "follow": "sekven",
    "hear": "audil",
    "help": "ajud",
    "hide": "kasen",
    "know": "savor",
    "love": "amen",
    "see": "vidar",
    "seek": "serk",
    "watch": "gardel",
}
ADVERBS = {
    "again": "denov",
    "here": "tiel",
    "now": "nunar",
    "often": "oftel",
    "slowly": "lentem",
    "today": "hodian",
    "tomorrow": "morgan",
    "yesterday": "hieral",
}
SOURCE_ARTICLES = {"the": "l", "this": "t", "every": "k"}
ADJECTIVE_SHARE, ADVERB_SHARE, PLURAL_SHARE = 0.6, 0.5, 0.4


@dataclass(frozen=True)
class NounPhrase:
    """An article, perhaps an adjective, and a noun."""

    article: str
    adjective: str | None
    noun: str
    plural: bool

    def source(self) -> list[str]:
        """Return the words of the source: article, adjective, noun; only the noun shows the number."""
        adjective = [self.adjective] if self.adjective else []
        return [self.article, *adjective, self.noun + ("s" if self.plural else "")]

    def targets(self, case: str) -> Iterator[list[str]]:
        """Return every right translation: noun, adjective, article, which agree in class, number and case."""
        for stem, noun_class in NOUNS[self.noun]:
            ending = noun_class + ("r" if self.plural else "") + case
            adjective = [ADJECTIVES[self.adjective] + ending] if self.adjective else []
            yield [stem + ending, *adjective, SOURCE_ARTICLES[self.article] + ending]


@dataclass(frozen=True)
class Sentence:
    """Subject, verb, object, perhaps an adverb."""

    subject: NounPhrase
    verb: str
    object: NounPhrase
    adverb: str | None

    def source(self) -> str:
        """Return the sentence in the source language; the adverb is last."""
        verb = self.verb if self.subject.plural else self.verb + "s"
        words = [*self.subject.source(), verb, *self.object.source()]
        return " ".join([*words, self.adverb] if self.adverb else words)

    def targets(self) -> list[str]:
        """Return every right translation."""
        verb = VERBS[self.verb] + ("ur" if self.subject.plural else "it")
        found = []
        for subject, objekt in itertools.product(self.subject.targets(""), self.object.targets("n")):
            for first, second in ((subject, objekt), (objekt, subject)):
                if self.adverb is None:
                    found.append([*first, *second, verb])
                else:
                    adverb = ADVERBS[self.adverb]
                    found.append([adverb, *first, *second, verb])
                    found.append([*first, *second, adverb, verb])
        return [" ".join(words) for words in found]


def draw_noun_phrase(rng: random.Random) -> NounPhrase:
    """Draw a noun phrase at random; "every" is never plural."""
    article = rng.choice(sorted(SOURCE_ARTICLES))
    adjective = rng.choice(sorted(ADJECTIVES)) if rng.random() < ADJECTIVE_SHARE else None
    plural = article != "every" and rng.random() < PLURAL_SHARE
    return NounPhrase(article, adjective, rng.choice(sorted(NOUNS)), plural)


def draw_sentence(rng: random.Random) -> Sentence:
    """Draw a sentence at random."""
    adverb = rng.choice(sorted(ADVERBS)) if rng.random() < ADVERB_SHARE else None
    return Sentence(draw_noun_phrase(rng), rng.choice(sorted(VERBS)), draw_noun_phrase(rng), adverb)


def draw_corpus(size: int, rng: random.Random) -> list[Sentence]:
    """Draw `size` different sentences."""
    corpus: dict[Sentence, None] = {}
    while len(corpus) < size:
        corpus[draw_sentence(rng)] = None
    return list(corpus)


def write_lines(path: Path, lines: list[str]) -> None:
    """Write a text file, a line each."""
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def write_corpus(folder: Path, sizes: dict[str, int], seed: int) -> None:
    """Write the splits of the given sizes; no sentence is in two of them."""
    rng = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    corpus = draw_corpus(sum(sizes.values()), rng)
    for split, size in sizes.items():
        sentences, corpus = corpus[:size], corpus[size:]
        write_lines(folder / f"{split}.src", [sentence.source() for sentence in sentences])
        write_lines(folder / f"{split}.tgt", [rng.choice(sentence.targets()) for sentence in sentences])
    references = [sentence.targets() for sentence in sentences]
    # sacreBLEU wants as many references for each sentence: the shorter lists repeat their last.
    for number in range(max(map(len, references))):
        write_lines(folder / f"test.ref{number}.tgt", [found[min(number, len(found) - 1)] for found in references])


def main() -> None:
    """Write the corpus into the folder given on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--train", type=int, default=20000, help="training sentences")
    parser.add_argument("--valid", type=int, default=300, help="validation sentences")
    parser.add_argument("--test", type=int, default=300, help="test sentences")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    write_corpus(args.folder, {"train": args.train, "valid": args.valid, "test": args.test}, args.seed)


if __name__ == "__main__":
    main()
