"""Checkpoints of fairseq-train: read without running code from them, and averaged."""
