"""Experiments: systems decode a text, each as its cases say, and tables are made of what came out.

`fairseq-cmlm report` and `python -m benchmarks` both stand on this.
"""
