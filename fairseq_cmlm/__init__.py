"""Mask-Predict for fairseq: a conditional masked language model, its training and its decoding.

Importing this package registers the task `translation_cmlm`, the model `cmlm` and the criteria `cmlm_loss`,
`autoregressive_loss` and `fairseq_nat_loss` with fairseq; its folder is what `--user-dir` takes. From Python,
`Translator` translates strings with a trained model.

Dimensions, the same in every file:

    B  sentences            S  source positions          V  vocabulary
    K  length candidates    T  target positions          D  features
    N  rows, B * K          L  lengths, 0 .. L-1         M  masked positions of a batch, flattened

Lengths count `</s>`. Probabilities are in natural log.
"""

import logging

# Importing fairseq prints the advice to install tensorboardX; nothing here needs it.
logging.getLogger("fairseq.tasks.text_to_speech").setLevel(logging.WARNING)

from fairseq_cmlm.plugin import repairs  # noqa: E402

repairs.repair_fairseq()

from fairseq_cmlm.plugin import autocast_losses, criterion, model, task  # noqa: E402
from fairseq_cmlm.translator import Candidate, TracedPass, Translation, Translator  # noqa: E402

__all__ = ["Candidate", "TracedPass", "Translation", "Translator", "repairs"]
__all__ += ["autocast_losses", "criterion", "model", "task"]
__version__ = "0.1.0"
