"""Conversion of checkpoints of the paper's released code into checkpoints of this package."""
