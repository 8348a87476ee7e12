"""Decoding as pure functions of tensors: no fairseq, no dictionary, no network. Symbol ids are arguments."""
