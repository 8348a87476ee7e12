"""What fairseq sees: task, model, criterion and generator, and the repairs that today's torch asks of fairseq."""
