"""Inference: encoded source and canvas in, ranked candidates out. torch only: neither fairseq nor a dictionary."""
