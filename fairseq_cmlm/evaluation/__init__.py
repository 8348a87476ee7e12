"""Measures of translations, from the text that fairseq-generate printed: no torch."""
