"""The network, in torch alone. It knows nothing of fairseq, of the task, or of how it is decoded."""
