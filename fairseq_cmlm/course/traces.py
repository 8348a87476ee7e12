"""Readings of a trace for the chapters."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

Pass = Mapping[str, Any]


def history(sentence: Mapping[str, Any], run: int = 0) -> list[Pass]:
    """Return the passes of the chosen candidate of a sentence in one of the runs."""
    return list(sentence["decodings"][run]["candidates"][0]["history"])


def strategy(run: Mapping[str, Any]) -> str:
    """Return the strategy of a run, from its signature.

    >>> strategy({"signature": "strategy:mask_predict|iterations:6"})
    'mask_predict'
    """
    name, _, value = run["signature"].split("|")[0].partition(":")
    if name != "strategy":
        raise KeyError("strategy")
    return str(value)


def with_runs(trace: Mapping[str, Any], strategies: Sequence[str], sentence: int) -> dict[str, Any]:
    """Return the trace of one sentence in the runs of some strategies, in their order, under their names."""
    found = {strategy(run): i for i, run in enumerate(trace["runs"])}
    runs = [found[name] for name in strategies]
    one = trace["sentences"][sentence]
    return {
        **trace,
        "runs": [{**trace["runs"][run], "name": name} for run, name in zip(runs, strategies)],
        "sentences": [{**one, "decodings": [one["decodings"][run] for run in runs]}],
    }
