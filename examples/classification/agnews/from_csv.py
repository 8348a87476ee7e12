"""Rows of AG News, number of the topic, title and text as CSV, become text<TAB>topic: from standard input to output."""

from __future__ import annotations

import csv
import io
import sys

TOPICS = {"1": "World", "2": "Sports", "3": "Business", "4": "Sci/Tech"}


def main() -> None:
    """Write a line for each row; white space of any kind, and the backslash that stands for a line end, are a space."""
    source = io.TextIOWrapper(sys.stdin.buffer, "utf-8", newline="")
    for number, row in enumerate(csv.reader(source), 1):
        if len(row) != 3 or row[0] not in TOPICS:
            sys.exit(f"from_csv.py: row {number} is not number of a topic, title and text: {row[:3]}")
        text = " ".join(f"{row[1]} {row[2]}".replace("\\", " ").split())
        print(f"{text}\t{TOPICS[row[0]]}")


if __name__ == "__main__":
    main()
