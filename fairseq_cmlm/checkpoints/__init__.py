"""Checkpoints of fairseq-train: reading them without running code from them, averaging them, describing them."""
