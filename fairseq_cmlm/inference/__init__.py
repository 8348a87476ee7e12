"""Inference, from encoded source and canvas to ranked candidates: in torch, without fairseq or a dictionary."""
