"""Applications: formats over the same model, decoder and commands. They need neither torch nor fairseq."""

from fairseq_cmlm.formats.table import FORMATS

__all__ = ["FORMATS"]
