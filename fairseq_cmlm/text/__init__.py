"""Text into the subwords that a model reads, and back: one pipeline for training and inference, with a file of its own.

Neither torch nor fairseq is needed; sacremoses, subword-nmt, sentencepiece and rjieba are imported where a pipeline
uses them.
"""
