"""The plugin that fairseq sees: task, model, criteria and generator, and repairs of fairseq for today's torch.

Importing this package repairs fairseq and registers the tasks `translation_cmlm` and `translation_cmlm_causal`, the
model `cmlm` and the criteria `cmlm_loss`, `autoregressive_loss` and `fairseq_nat_loss`.
"""

import logging

# Importing fairseq advises to install tensorboardX, which nothing here needs.
logging.getLogger("fairseq.tasks.text_to_speech").setLevel(logging.WARNING)

from fairseq_cmlm.plugin import repairs  # noqa: E402

repairs.repair_fairseq()

from fairseq_cmlm.plugin import autocast_losses, causal_task, criterion, model, task  # noqa: E402

__all__ = ["autocast_losses", "causal_task", "criterion", "model", "repairs", "task"]
