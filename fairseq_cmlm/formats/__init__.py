"""Applications: each a format over the same model, decoder and commands. Neither torch nor fairseq is needed."""

from fairseq_cmlm.formats.table import FORMATS

__all__ = ["FORMATS"]
