"""`fairseq-cmlm report`: the tables and figures of the paper, of any trained model."""
