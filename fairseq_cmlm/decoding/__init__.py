"""Decoding as pure functions of tensors: no fairseq, no dictionary, no model. Symbol ids are arguments."""
