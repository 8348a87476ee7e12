"""Export of a trained model as a bundle of graphs and texts, which fairseq_cmlm.runtime decodes without torch."""
