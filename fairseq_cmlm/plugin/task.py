"""Translation by a conditional masked language model, as a task of fairseq."""

import logging
from dataclasses import dataclass, field
from typing import Any, Dict, Optional, Sequence, Tuple

import numpy as np
from fairseq import utils
from fairseq.data import FairseqDataset
from fairseq.data.iterators import EpochBatchIterator
from fairseq.tasks import register_task
from omegaconf import II

from fairseq_cmlm.checkpoints.averaging import LONGEST
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.decoding.tokens import Symbols
from fairseq_cmlm.errors import CheckpointError, OptionError, TextError
from fairseq_cmlm.inference.captured import CapturedPasses
from fairseq_cmlm.inference.trained_for import refuse_untrained, with_smoothing
from fairseq_cmlm.options import given_in, help_of
from fairseq_cmlm.plugin.batches import long_of, refuse_none, refuse_too_few, within_limits
from fairseq_cmlm.plugin.blanks import TemplateReader
from fairseq_cmlm.plugin.criterion import CMLMLoss
from fairseq_cmlm.plugin.data_folder import keep_languages, refuse_swapped, trained_languages
from fairseq_cmlm.plugin.dictionary import MaskedDictionary
from fairseq_cmlm.plugin.eval_bleu import check_eval_bleu
from fairseq_cmlm.plugin.fairseq_options import as_dict, as_fairseq_fields
from fairseq_cmlm.plugin.foreign_options import refuse_foreign_options
from fairseq_cmlm.plugin.generator import CMLMGenerator
from fairseq_cmlm.plugin.interactive_task import InteractiveTask
from fairseq_cmlm.plugin.judges import LoadedJudges
from fairseq_cmlm.plugin.model import CMLMModel
from fairseq_cmlm.plugin.sentence_pairs import TextOnly
from fairseq_cmlm.plugin.summary import frame_output
from fairseq_cmlm.plugin.text_task import TextConfig
from fairseq_cmlm.plugin.warm_start import warm_start
from fairseq_cmlm.sentence_random import sentence_keys
from fairseq_cmlm.training.options import Training

logger = logging.getLogger(__name__)

# Validation masks the same tokens in every epoch and for every --seed, so that runs can be compared.
VALIDATION_SEED, VALIDATION_EPOCH = 0, 0
DecodingFields: Any = as_fairseq_fields(Decoding, defaults=False)


@dataclass
class TranslationCMLMConfig(DecodingFields, TextConfig):
    """Options of `--task translation_cmlm`: those of fairseq's translation task, of decoding and text, and two more.

    The objective belongs to the criterion, but the model needs it too, because some objectives train heads.
    """

    objective: str = field(default="cmlm", metadata={"help": help_of(Training.__dataclass_fields__["objective"])})
    infill: bool = field(
        default=False,
        metadata={
            "help": "read lines SOURCE<TAB>TARGET in fairseq-interactive and fill the blanks of TARGET: `<blank>` of "
            "any number of tokens, `<blank:3>` of 3, `<blank:1-4>` of 1 to 4; all other words stay as they are"
        },
    )
    seed: int = II("common.seed")
    num_shards: int = II("dataset.num_shards")
    shard_id: int = II("dataset.shard_id")


@register_task("translation_cmlm", dataclass=TranslationCMLMConfig)
class TranslationCMLMTask(InteractiveTask):
    """fairseq's translation task with a mask symbol, keyed noise, and decoding by iterative refinement."""

    cfg: TranslationCMLMConfig
    longest: Optional[Tuple[int, int]] = None  # tokens of source and target that were learned; None: nobody tells

    def __init__(self, cfg: TranslationCMLMConfig, src_dict: MaskedDictionary, tgt_dict: MaskedDictionary) -> None:
        super().__init__(cfg, src_dict, tgt_dict)
        if cfg.num_batch_buckets:
            raise OptionError(f"--num-batch-buckets {cfg.num_batch_buckets} is not for --task translation_cmlm")
        if not 0 <= cfg.shard_id < cfg.num_shards:
            raise OptionError(f"--shard-id {cfg.shard_id} must be at least 0 and below --num-shards {cfg.num_shards}")
        for dictionary in (src_dict, tgt_dict):
            dictionary.add_mask()
        self.templates = TemplateReader(tgt_dict)
        self._captured = CapturedPasses()
        self._epoch = 1
        self._learns = False
        self._judges = LoadedJudges()

    @classmethod
    def load_dictionary(cls, filename: str) -> MaskedDictionary:
        """Read the words of a dict.txt; the task adds the mask symbol after them."""
        dictionary: MaskedDictionary = MaskedDictionary.load(filename)
        return dictionary

    # Data

    def load_dataset(self, split: str, epoch: int = 1, combine: bool = False, **kwargs: Any) -> None:
        """Load a split as fairseq-preprocess wrote it; the targets are noised later, in `train_step`."""
        try:
            super().load_dataset(split, epoch, combine, **kwargs)
        except FileNotFoundError:
            raise TextError(
                f"{self.cfg.data} has no split '{split}' from {self.cfg.source_lang} to {self.cfg.target_lang}: give "
                "another --gen-subset or --valid-subset, or preprocess it"
            ) from None
        except ValueError as error:
            if "empty file" not in str(error):  # mmap's message for an empty file
                raise
            raise TextError(f"the split '{split}' in {self.cfg.data} holds no sentence") from None
        pairs = self.datasets[split]
        pairs.input_feeding = False  # a masked decoder reads no previous output tokens
        pairs.src = TextOnly(pairs.src, self.src_dict)
        if pairs.tgt is not None:
            pairs.tgt = TextOnly(pairs.tgt, self.tgt_dict)
        if self._learns and split == self.cfg.train_subset:
            self.longest = long_of(pairs.src_sizes), long_of(pairs.tgt_sizes)

    def state_dict(self) -> Dict[str, Any]:
        """Return what fairseq keeps of the task in a checkpoint: also how long the texts of the training are."""
        return {**super().state_dict(), **({} if self.longest is None else {LONGEST: list(self.longest)})}

    def load_state_dict(self, state_dict: Dict[str, Any]) -> None:
        """Take the state of a checkpoint; of several the texts that all of them have learned to read."""
        super().load_state_dict(state_dict)
        theirs = state_dict.get(LONGEST)
        if theirs is not None:
            self.longest = tuple(map(min, theirs, self.longest or theirs))

    def filter_indices_by_size(
        self,
        indices: np.ndarray,
        dataset: FairseqDataset,
        max_positions: Optional[Tuple[int, int]] = None,
        ignore_invalid_inputs: bool = False,
    ) -> np.ndarray:
        """Drop too long sentences, with a count, in training or if told to; else refuse them, naming the line."""
        return within_limits(indices, dataset, max_positions, ignore_invalid_inputs)

    def get_batch_iterator(
        self,
        dataset: FairseqDataset,
        max_tokens: Optional[int] = None,
        max_sentences: Optional[int] = None,
        max_positions: Any = None,
        *args: Any,
        seed: int = 1,
        epoch: int = 1,
        num_shards: int = 1,
        shard_id: int = 0,
        **kwargs: Any,
    ) -> EpochBatchIterator:
        """Return fairseq's iterator, with the same batches after a resume and with --num-shards in effect.

        fairseq composes the batches once, with seed + the epoch it starts in, so a resumed training has other ones.
        fairseq-generate 0.12 ignores its options --num-shards and --shard-id.
        """
        # Sentences that no batch can hold count as too long.
        limits = utils.resolve_max_positions(max_positions, max_tokens or None)
        # The processes of a shard divide it among them.
        part = {"num_shards": num_shards * self.cfg.num_shards, "shard_id": shard_id + num_shards * self.cfg.shard_id}
        own = {"seed": seed - epoch, "epoch": epoch, **part}
        batches: EpochBatchIterator = super().get_batch_iterator(
            *(dataset, max_tokens, max_sentences, limits, *args), **own, **kwargs
        )
        batches.seed = seed
        if hasattr(dataset, "first_line"):
            return batches  # lines of fairseq-interactive may all be left out
        refuse_none(len(batches.frozen_batches))
        if not self._learns:  # in training, a process without a batch waits for the others
            refuse_too_few(len(batches.frozen_batches), self.cfg.num_shards, num_shards)
        return batches

    # Training

    def build_model(self, cfg: Any, from_checkpoint: bool = False) -> CMLMModel:
        """Build the model, which must be of this package; a new one starts as --init-from says."""
        if self.cfg.eval_bleu:
            check_eval_bleu(self.cfg)
        model = super().build_model(cfg, from_checkpoint)
        if not isinstance(model, CMLMModel):
            name = getattr(cfg, "_name", None) or getattr(cfg, "arch", None)
            where = "the checkpoint" if from_checkpoint else "--arch"
            raise CheckpointError(
                f"{where} is a '{name}' model, and --task translation_cmlm works with --arch cmlm_base, cmlm_small or "
                "cmlm_tiny only: give the model its own --task"
            )
        if from_checkpoint:
            refuse_swapped(trained_languages(cfg), (self.cfg.source_lang, self.cfg.target_lang))
        else:
            keep_languages(cfg, self.cfg.source_lang, self.cfg.target_lang)
            warm_start(model, cfg, self)
        return model

    def build_criterion(self, cfg: Any, from_checkpoint: bool = False) -> CMLMLoss:
        """Build the criterion, which must be of this package."""
        if self.cfg.num_shards > 1:
            raise OptionError(
                f"--num-shards {self.cfg.num_shards} would leave data out of the training: it is for fairseq-generate. "
                "Several processes share the data by --distributed-world-size"
            )
        self._learns = True
        return super().build_criterion(cfg, from_checkpoint)

    def begin_epoch(self, epoch: int, model: Any) -> None:
        """Remember the epoch, because each epoch has its own masks."""
        self._epoch = epoch

    def train_step(
        self,
        sample: Dict[str, Any],
        model: Any,
        criterion: Any,
        optimizer: Any,
        update_num: int,
        ignore_grad: bool = False,
    ) -> Any:
        """Run one forward and backward pass on masks drawn for this epoch."""
        sample["noise_keys"] = sentence_keys(self.cfg.seed, self._epoch, sample["id"])
        sample["updates"] = update_num
        return super().train_step(sample, model, criterion, optimizer, update_num, ignore_grad)

    def valid_step(self, sample: Dict[str, Any], model: Any, criterion: Any) -> Any:
        """Validate one batch on masks that never change."""
        sample["noise_keys"] = sentence_keys(VALIDATION_SEED, VALIDATION_EPOCH, sample["id"])
        return super().valid_step(sample, model, criterion)

    # Decoding

    def build_generator(
        self, models: Sequence[Any], args: Any, prefix_allowed_tokens_fn: Any = None, **unused: Any
    ) -> CMLMGenerator:
        """Build the generator; options in `args` (--eval-bleu-args) win over those of the task."""
        if prefix_allowed_tokens_fn is not None:
            raise OptionError("prefix_allowed_tokens_fn is not for --task translation_cmlm: prefixes are not grown")
        refuse_foreign_options(args)
        decoding = Decoding.of(**self._given(args), beam=getattr(args, "beam", None))
        self.printed = getattr(args, "nbest", 1)
        generator = self.generator(models, decoding, history=getattr(args, "retain_iter_history", False))
        frame_output(generator.decoding, generator.counter)
        return generator

    def generator(self, models: Sequence[CMLMModel], decoding: Decoding, history: bool = False) -> CMLMGenerator:
        """Return the generator for a decoding, and change the models to its precision."""
        if decoding.dtype != "float32" and self.cfg.eval_bleu:
            raise OptionError(
                f"--decoding-dtype {decoding.dtype} would change the model in training: leave out --eval-bleu"
            )
        decoding = with_smoothing(decoding, [model.label_smoothing for model in models])
        for model in models:
            refuse_untrained(decoding, model.objective)
            model.lower_precision(decoding.dtype)
        kept: Dict[str, Any] = {
            "token_sets": self.templates.token_sets,
            "captured": self._captured,
            "longest": self.longest,
        }
        return CMLMGenerator(decoding, self.symbols, self._judges.of(decoding, self), **kept, history=history)

    @property
    def symbols(self) -> Symbols:
        """Return the control symbols of the target dictionary."""
        target = self.target_dictionary
        return Symbols(bos=target.bos(), pad=target.pad(), eos=target.eos(), mask=target.mask_index)

    def _given(self, args: Any) -> Dict[str, Any]:
        """Return the decoding options given in `args` or to the task."""
        return given_in(Decoding, as_dict(args), as_dict(self.cfg))
