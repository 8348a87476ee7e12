"""Translation by a conditional masked language model, as fairseq registers it."""

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
import torch
from fairseq import utils
from fairseq.data import FairseqDataset, LanguagePairDataset
from fairseq.data.iterators import EpochBatchIterator
from fairseq.dataclass import ChoiceEnum
from fairseq.tasks import register_task
from fairseq.tasks.translation import TranslationConfig, TranslationTask
from omegaconf import II

from fairseq_cmlm.decoding.prediction import Symbols
from fairseq_cmlm.errors import CheckpointError, OptionError, TextError
from fairseq_cmlm.model.precision import PRECISIONS
from fairseq_cmlm.plugin.criterion import CMLMLoss
from fairseq_cmlm.plugin.decoding_options import (
    DECODING_STRATEGIES,
    PRESET_OPTIONS,
    PRESETS,
    DecodingOptions,
    with_preset,
)
from fairseq_cmlm.plugin.dictionary import MaskedDictionary
from fairseq_cmlm.plugin.foreign_options import refuse_foreign_options
from fairseq_cmlm.plugin.generator import CMLMGenerator
from fairseq_cmlm.plugin.model import CMLMModel
from fairseq_cmlm.plugin.sentence_pairs import TextOnly
from fairseq_cmlm.plugin.warm_start import warm_start
from fairseq_cmlm.training.sentence_random import sentence_keys

logger = logging.getLogger(__name__)

# Validation masks the same tokens in every epoch, and under every --seed: runs can be compared.
VALIDATION_SEED, VALIDATION_EPOCH = 0, 0


@dataclass
class TranslationCMLMConfig(TranslationConfig):
    """Options of `--task translation_cmlm`: those of fairseq's translation task and of decoding."""

    decoding_strategy: Optional[str] = field(
        default=None,
        metadata={"help": f"what is predicted in a pass: {', '.join(DECODING_STRATEGIES)}; None: as the preset says"},
    )
    decoding_iterations: Optional[int] = field(
        default=None, metadata={"help": "passes, the first included; 0: one a token; None: as the preset says"}
    )
    length_beam: int = field(default=5, metadata={"help": "length candidates decoded for each sentence"})
    gold_target_length: bool = field(
        default=False, metadata={"help": "decode the reference's length and those around it, not the predicted ones"}
    )
    original_decoding: bool = field(
        default=False, metadata={"help": "the exact mode: decode as the released code of the paper does"}
    )
    decoding_dtype: ChoiceEnum(list(PRECISIONS)) = field(  # type: ignore[valid-type]
        default="float32", metadata={"help": "the numbers that the model computes with in decoding"}
    )
    decoding_preset: ChoiceEnum(list(PRESETS)) = field(  # type: ignore[valid-type]
        default="full",
        metadata={"help": "values for the options below: full sets none, fast those of fewer passes at like quality"},
    )
    iterations_per_token: Optional[float] = field(
        default=None, metadata={"help": "at most this many passes for each token of a candidate"}
    )
    stop_unchanged: Optional[int] = field(
        default=None, metadata={"help": "finish a candidate after so many passes in succession that changed nothing"}
    )
    confidence_threshold: Optional[float] = field(
        default=None, metadata={"help": "predict a token again only if its probability is below"}
    )
    halve_candidates: Optional[int] = field(
        default=None, metadata={"help": "go on with the better half of the candidates after every so many passes"}
    )
    length_prior: Optional[float] = field(
        default=None, metadata={"help": "weight of the length's log-probability in the choice of the candidate"}
    )
    seed: int = II("common.seed")
    num_shards: int = II("dataset.num_shards")
    shard_id: int = II("dataset.shard_id")


@register_task("translation_cmlm", dataclass=TranslationCMLMConfig)
class TranslationCMLMTask(TranslationTask):
    """fairseq's translation task with a mask symbol, keyed noise, and decoding by iterative refinement."""

    cfg: TranslationCMLMConfig

    def __init__(self, cfg: TranslationCMLMConfig, src_dict: MaskedDictionary, tgt_dict: MaskedDictionary) -> None:
        super().__init__(cfg, src_dict, tgt_dict)
        if cfg.num_batch_buckets:
            raise OptionError(f"--num-batch-buckets {cfg.num_batch_buckets} is not for --task translation_cmlm")
        if not 0 <= cfg.shard_id < cfg.num_shards:
            raise OptionError(f"--shard-id {cfg.shard_id} must be at least 0 and below --num-shards {cfg.num_shards}")
        for dictionary in (src_dict, tgt_dict):
            dictionary.add_mask()
        self._epoch = 1
        self._first_line = self._next_line = 1

    @classmethod
    def setup_task(cls, cfg: TranslationCMLMConfig, **kwargs: Any) -> "TranslationCMLMTask":
        """Load the dictionaries of the (first) data folder."""
        for folder in utils.split_paths(cfg.data or ""):
            if not Path(folder).is_dir():
                raise TextError(f"there is no data folder '{folder}': give the --destdir of fairseq-preprocess")
        return super().setup_task(cfg, **kwargs)

    @classmethod
    def load_dictionary(cls, filename: str) -> MaskedDictionary:
        """The words of a dict.txt; the task adds the mask symbol behind them."""
        dictionary: MaskedDictionary = MaskedDictionary.load(filename)
        return dictionary

    # Data

    def load_dataset(self, split: str, epoch: int = 1, combine: bool = False, **kwargs: Any) -> None:
        """Load a split as fairseq-preprocess wrote it; the targets are noised later, in `train_step`."""
        try:
            super().load_dataset(split, epoch, combine, **kwargs)
        except ValueError as error:
            if "empty file" not in str(error):  # what mmap says
                raise
            raise TextError(f"the split '{split}' in {self.cfg.data} holds no sentence") from None
        pairs = self.datasets[split]
        pairs.input_feeding = False  # there is no previous output token
        pairs.src = TextOnly(pairs.src, self.src_dict)
        if pairs.tgt is not None:
            pairs.tgt = TextOnly(pairs.tgt, self.tgt_dict)

    def build_dataset_for_inference(
        self, src_tokens: List[torch.Tensor], src_lengths: List[int], constraints: Optional[torch.Tensor] = None
    ) -> LanguagePairDataset:
        """Sentences of fairseq-interactive or of the hub interface, which numbers those of each call from 1."""
        dataset = super().build_dataset_for_inference(src_tokens, src_lengths, constraints)
        dataset.first_line = self._first_line
        return dataset

    def get_interactive_tokens_and_lengths(self, lines: Sequence[str], encode_fn: Any) -> Tuple[List[Any], List[int]]:
        """The tokens, and their number, of the next lines that fairseq-interactive has read."""
        self._first_line, self._next_line = self._next_line, self._next_line + len(lines)
        return super().get_interactive_tokens_and_lengths(lines, encode_fn)

    def filter_indices_by_size(
        self,
        indices: np.ndarray,
        dataset: FairseqDataset,
        max_positions: Optional[Tuple[int, int]] = None,
        ignore_invalid_inputs: bool = False,
    ) -> np.ndarray:
        """Drop what is too long in training or where asked to, with a count; refuse it elsewhere, naming the line."""
        kept, too_long = dataset.filter_indices_by_size(indices, max_positions)
        if not too_long:
            return kept
        first = getattr(dataset, "first_line", 1)
        lines = sorted(int(i) + first for i in too_long)
        source, target = (int(size) for size in dataset.size(lines[0] - first))
        limits = f"--max-source-positions and --max-target-positions {max_positions}"
        if not ignore_invalid_inputs:
            raise TextError(
                f"{len(lines)} line(s) are longer than {limits}, the first of them line {lines[0]} with "
                f"({source}, {target}) tokens (source, target; </s> counts): shorten them, or leave them "
                "out with --skip-invalid-size-inputs-valid-test"
            )
        logger.warning(f"skipped {len(lines)} line(s) longer than {limits}, the first of them line {lines[0]}")
        return kept

    def get_batch_iterator(
        self,
        *args: Any,
        seed: int = 1,
        epoch: int = 1,
        num_shards: int = 1,
        shard_id: int = 0,
        **kwargs: Any,
    ) -> EpochBatchIterator:
        """As fairseq's, but the batches are the same after a resume, and --num-shards holds.

        fairseq composes the batches once, under seed + the epoch it starts in; so a resumed training had others.
        fairseq-generate 0.12 ignores its options --num-shards and --shard-id.
        """
        if self.cfg.num_shards > 1:
            num_shards, shard_id = self.cfg.num_shards, self.cfg.shard_id
        batches: EpochBatchIterator = super().get_batch_iterator(
            *args, seed=seed - epoch, epoch=epoch, num_shards=num_shards, shard_id=shard_id, **kwargs
        )
        batches.seed = seed
        available = len(batches.frozen_batches)
        if not available:
            raise TextError(
                "no sentence is left: the text has none, or all are longer than --max-source-positions and "
                "--max-target-positions"
            )
        if self.cfg.num_shards > available:
            raise OptionError(
                f"--num-shards {self.cfg.num_shards} is more than the {available} batch(es): use fewer shards, or a "
                "smaller --batch-size or --max-tokens"
            )
        return batches

    # Training

    def build_model(self, cfg: Any, from_checkpoint: bool = False) -> CMLMModel:
        """Build the model, of this package only; a new one begins as --init-from says."""
        model = super().build_model(cfg, from_checkpoint)
        if not isinstance(model, CMLMModel):
            name = getattr(cfg, "_name", None) or getattr(cfg, "arch", None)
            where = "the checkpoint" if from_checkpoint else "--arch"
            raise CheckpointError(
                f"{where} is a '{name}' model, and --task translation_cmlm works with --arch cmlm_base, cmlm_small or "
                "cmlm_tiny only: give the model its own --task"
            )
        if not from_checkpoint:
            warm_start(model, cfg, self)
        return model

    def build_criterion(self, cfg: Any, from_checkpoint: bool = False) -> CMLMLoss:
        """Build the criterion, of this package only."""
        name = getattr(cfg, "_name", None)
        if name != "cmlm_loss":
            raise OptionError(f"--criterion {name} is not for --task translation_cmlm: use --criterion cmlm_loss")
        return super().build_criterion(cfg, from_checkpoint)

    def begin_epoch(self, epoch: int, model: Any) -> None:
        """Remember the epoch: its masks are its own."""
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
        """One forward and backward, on masks drawn for this epoch."""
        sample["noise_keys"] = sentence_keys(self.cfg.seed, self._epoch, sample["id"])
        return super().train_step(sample, model, criterion, optimizer, update_num, ignore_grad)

    def valid_step(self, sample: Dict[str, Any], model: Any, criterion: Any) -> Any:
        """One validation batch, on masks that never change."""
        sample["noise_keys"] = sentence_keys(VALIDATION_SEED, VALIDATION_EPOCH, sample["id"])
        return super().valid_step(sample, model, criterion)

    # Decoding

    def build_generator(
        self, models: Sequence[Any], args: Any, prefix_allowed_tokens_fn: Any = None, **unused: Any
    ) -> CMLMGenerator:
        """The generator; an option is taken from `args` (--eval-bleu-args) if it is there, else from the task."""
        if prefix_allowed_tokens_fn is not None:
            raise OptionError("prefix_allowed_tokens_fn is not for --task translation_cmlm: prefixes are not grown")
        refuse_foreign_options(args)

        def option(name: str) -> Any:
            return getattr(args, name, getattr(self.cfg, name))

        def choice(name: str) -> str:
            return str(getattr(option(name), "value", option(name)))

        given = {name: option(field) for name, field in PRESET_OPTIONS.items()}
        options = DecodingOptions(
            length_beam=option("length_beam"),
            gold_target_length=option("gold_target_length"),
            beam=getattr(args, "beam", 5),
            original=option("original_decoding"),
            dtype=choice("decoding_dtype"),
            **with_preset(choice("decoding_preset"), given),
        )
        if options.dtype != "float32" and self.cfg.eval_bleu:
            raise OptionError(
                f"--decoding-dtype {options.dtype} would change the model in training: leave out --eval-bleu"
            )
        for model in models:
            model.lower_precision(options.dtype)
        target = self.target_dictionary
        symbols = Symbols(bos=target.bos(), pad=target.pad(), eos=target.eos(), mask=target.mask_index)
        return CMLMGenerator(options, symbols, keep_history=getattr(args, "retain_iter_history", False))
