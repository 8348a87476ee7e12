"""Experiments: systems decode a text as cases say, and the results become tables.

`fairseq-cmlm report` and `python -m benchmarks` both use this.
"""
