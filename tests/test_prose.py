"""Docstrings begin with a verb, or with a noun where they describe a class or a module, and are no riddles."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Iterator

import pytest

ROOT = Path(__file__).parents[1]
PLACES = ("fairseq_cmlm", "benchmarks", "examples")
# Verbs that docstrings of functions begin with. A new one is welcome: add it here.
VERBS = set(
    re.findall(
        r"\w+",
        """
    Accept Add Align Allow Answer Append Apply Ask Assert Attach Average Await Binarise Bind Bring Build Cache Call
    Cancel Change Check Choose Classify Close Collate Collect Combine Compare Compute Continue Convert Copy Count
    Create Cut Decide Declare Decode Delete Derive Describe Detect Divide Do Draw Drop Embed Emit Encode End Ensure
    Enter Escape Estimate Evaluate Expand Export Extend Extract Fetch Fill Filter Find Fit Flatten Follow Format
    Gather Generate Get Give Go Group Handle Have Hide Highlight Ignore Import Initialise Insert Join Keep Lay Learn
    Let Limit Link List Load Log Make Map Mark Mask Match Measure Merge Minimise Mix Move Multiply Name Normalise
    Note Number Open Pack Pad Pair Parse Pass Pick Place Plot Point Predict Prepare Print Process Project Put
    Quantise Raise Rank Read Record Refine Refuse Register Remask Remember Remove Render Repair Replace Report Reset
    Reshape Resolve Restore Return Reveal Round Run Save Say Scatter Schedule Score Select Send Serve Set Shift Show
    Size Skip Sort Split Start Stop Store Strip Sum Swap Switch Take Tell Test Tokenise Track Train Translate Trim
    Turn Unpack Update Use Validate Verify Wait Walk Warn Wrap Write Yield
        """,
    )
)
# Openings that leave the reader to find the noun or the verb: "What is one tensor in every model is so in the mean."
RIDDLE = re.compile(r"(What|Who|Whose|Whether|How|Those|That|Both|As|Of|No|Not|None|The same|The latter|Such)\b")


def docstrings() -> Iterator[tuple[str, ast.AST, str]]:
    for path in sorted(path for place in PLACES for path in (ROOT / place).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and (text := ast.get_docstring(node)):
                yield f"{path.relative_to(ROOT)}: {getattr(node, 'name', 'module')}: {text}", node, text


def test_docstrings_of_functions_begin_with_a_verb() -> None:
    found = [where for where, node, text in docstrings() if isinstance(node, ast.FunctionDef) and not begins(text)]
    assert not found, "\n".join(found)


def begins(text: str) -> bool:
    return re.split(r"\W", text, maxsplit=1)[0] in VERBS


def test_no_docstring_is_a_riddle() -> None:
    found = [where for where, _, text in docstrings() if RIDDLE.match(text) or len(text.split()) < 2]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("Return the mean.", True),
        ("The mean.", False),
        ("Both.", False),
        ("Those of sacreBLEU.", False),
        ("No row whose tokens stood unchanged for so many passes.", False),
        ("What is one tensor under several names in every model is so in the mean.", False),
    ],
)
def test_the_kinds_that_are_looked_for(text: str, good: bool) -> None:
    assert begins(text) == good
    assert good or text == "The mean." or RIDDLE.match(text)
