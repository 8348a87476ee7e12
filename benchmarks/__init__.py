"""Benchmarks, `python -m benchmarks NAME` from the top of a checkout; without a name the command lists them.

All systems run in one process, one after the other in each round, on the same sentences; the order is rotated from
round to round. What is compared is the ratio of two systems within a round, so that a change of the machine's speed
strikes both. Three are otherwise: `documents` takes its systems in one order and divides medians, `quality` has one
setting after the other, and `updates` has a process for each version. Every decoded batch is checked for the lengths
and the number of passes that were asked for.
"""
