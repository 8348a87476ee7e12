"""The option `--training-dtype`, which every criterion here has."""

from dataclasses import dataclass, field

from fairseq.dataclass import ChoiceEnum, FairseqDataclass
from omegaconf import II

from fairseq_cmlm.errors import OptionError

TRAINING_DTYPES = ["float32", "bfloat16"]


@dataclass
class TrainingDtypeConfig(FairseqDataclass):
    """The option, and the options of fairseq that it excludes."""

    training_dtype: ChoiceEnum(TRAINING_DTYPES) = field(  # type: ignore[valid-type]
        default="float32",
        metadata={
            "help": "bfloat16: torch's autocast on CPU or GPU; parameters, optimizer and loss stay float32. fairseq's "
            "own --bf16 asks for a TPU where there is no GPU"
        },
    )
    fp16: bool = II("common.fp16")
    bf16: bool = II("common.bf16")
    amp: bool = II("common.amp")


def wants_bfloat16(training_dtype: str, *others: bool) -> bool:
    """Return whether to train in bfloat16; raise an OptionError if combined with `others`: --fp16, --bf16 and --amp."""
    reduced = training_dtype == "bfloat16"
    if reduced and any(others):
        raise OptionError(
            "--training-dtype bfloat16 takes the place of fairseq's --fp16, --bf16 and --amp: leave those out"
        )
    return reduced
