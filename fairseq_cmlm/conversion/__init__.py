"""Checkpoints of the paper's released code become checkpoints of this package."""
