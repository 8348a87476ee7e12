from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.text.pipeline import Side, TextPipeline
from fairseq_cmlm.text.subwords import SubwordModel
from fairseq_cmlm.text.usual import usual_side

CODES = SubwordModel("subword-nmt", b"#version: 0.2\nt h\nth e</w>\n")
OTHERS = SubwordModel("subword-nmt", b"#version: 0.2\n\xe4\xb8\x8a \xe5\x91\xa8</w>\n")


# What users type, and the same in the characters of the training text.
@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("A man’s dog", "A man's dog"),
        ("“the” – ‘the’ — the…", "\"the\" - 'the' - the..."),
        ("fu\u0308r Ka\u0308se", "für Käse"),
        ("a 👨\u200d👩\u200d👧 b", "a 👨👩👧 b"),
        ("\ufeffthe dog", "the dog"),
        ("\tthe\xa0dog\u2028the\ndog\u3000the\r\n", "the dog the dog the"),
        ("the\u00adn", "then"),
    ],
)
def test_what_users_type_is_the_text_of_the_training(typed: str, plain: str) -> None:
    side = usual_side("en", subwords=CODES)
    assert side.encode(typed) == side.encode(plain)


def test_raw_text_goes_in_and_comes_out() -> None:
    pipeline = TextPipeline({name: usual_side(name, subwords=CODES) for name in ("en", "fr")})
    assert pipeline.source("the man’s") == "the m@@ a@@ n &@@ a@@ p@@ o@@ s@@ ;@@ s"
    # A French apostrophe belongs to the word before it, an English one to the one behind.
    assert pipeline.target("l’a") == "l@@ &@@ a@@ p@@ o@@ s@@ ; a"
    assert pipeline.text("l@@ &@@ a@@ p@@ o@@ s@@ ; a .") == "l'a."


def test_chinese_has_words_and_codes_of_its_own() -> None:
    pipeline = TextPipeline({"en": usual_side("en", subwords=CODES), "zh": usual_side("zh", subwords=OTHERS)})
    assert pipeline.target("上周，\u3000“the”") == "上周 ， “ t@@ h@@ e ”"
    assert pipeline.text("上周 ， “ t@@ h@@ e New ”") == "上周，“the New”"
    back = pipeline.between("zh", "en")
    assert back.source("上周，the") == "上周 ， t@@ h@@ e" and back.text("the , th@@ en") == "the, then"


def test_without_anything_text_is_words() -> None:
    side = Side("xx")
    assert side.encode(" the\u2028dog ’s") == "the dog ’s" and side.decode("the dog ’s") == "the dog ’s"


def test_languages_are_chosen_and_renamed() -> None:
    pipeline = TextPipeline({name: Side(name) for name in ("en", "de", "fr")})
    pair = pipeline.between("de", "en")
    assert list(pair.sides) == ["de", "en"] and [side.language for side in pair.ends] == ["de", "en"]
    assert list(pair.renamed("en", "de").sides) == ["en", "de"]
    assert [side.language for side in pair.renamed("src", "tgt").ends] == ["de", "en"]
    with pytest.raises(TextError, match="has no language 'ro', but en, de, fr"):
        pipeline.between("en", "ro")
    alone = TextPipeline({"en": Side("en")}).between("en", "en")
    assert alone.ends[0] == alone.ends[1] == Side("en")


def test_the_signature_tells_what_is_done() -> None:
    english, chinese = usual_side("en", subwords=CODES), usual_side("zh")
    same = TextPipeline({"en": english, "de": usual_side("de", subwords=CODES)})
    assert same.signature == f"en-de|normalise:nfc+punctuation|tokenizer:moses|subwords:subword-nmt,{CODES.digest[:8]}"
    assert TextPipeline({"en": english, "zh": chinese}).signature == (
        f"en-zh|source {english.signature}|target normalise:nfc|tokenizer:jieba|subwords:none"
    )


def test_a_pipeline_can_be_sent_to_another_process() -> None:
    side = usual_side("en", subwords=CODES)
    expected = side.encode("the man’s")
    assert pickle.loads(pickle.dumps(side)).encode("the man’s") == expected


def test_neither_torch_nor_fairseq_is_needed() -> None:
    code = """
import sys
sys.modules.update(dict.fromkeys(("torch", "fairseq_cli", "omegaconf", "numpy"), None))
from fairseq_cmlm.text.pipeline import TextPipeline
from fairseq_cmlm.text.pipeline_file import from_json, to_json
from fairseq_cmlm.text.usual import usual_side
pipeline = TextPipeline({"en": usual_side("en"), "de": usual_side("de")})
print(from_json(to_json(pipeline), "it").source("A man’s"))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.stdout == "A man &apos;s\n", done.stderr
