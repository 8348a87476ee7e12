"""The conditional masked language model as a model of fairseq: options, architectures, checkpoints."""

import threading
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from typing import Any, Callable, Dict, Optional, Tuple, TypeVar

import torch
from fairseq.dataclass import FairseqDataclass
from fairseq.dataclass.utils import gen_parser_from_dataclass
from fairseq.models import BaseFairseqModel, register_model, register_model_architecture
from omegaconf import II, OmegaConf
from torch import Tensor

from fairseq_cmlm.errors import CheckpointError, OptionError
from fairseq_cmlm.model.layer import LayerSize
from fairseq_cmlm.model.network import Network, NetworkSize
from fairseq_cmlm.model.options import ModelOptions
from fairseq_cmlm.model.precision import PRECISIONS
from fairseq_cmlm.options import declared
from fairseq_cmlm.plugin.dictionary import MaskedDictionary, fingerprint
from fairseq_cmlm.plugin.fairseq_options import as_fairseq_fields
from fairseq_cmlm.training.objectives import OBJECTIVES

Learned = TypeVar("Learned")
# Two threads that lower the same model would each see half of the other's work.
_LOWERING = threading.Lock()
ModelFields: Any = as_fairseq_fields(ModelOptions, defaults=True)


@dataclass
class CMLMConfig(ModelFields, FairseqDataclass):
    """Options of `--arch cmlm_*`, with the values of cmlm_base.

    objective        the training objective, on which the heads depend; None in checkpoints that do not record it
    label_smoothing  label smoothing of the tokens in training; None likewise
    """

    objective: Optional[str] = II("task.objective")
    label_smoothing: Optional[float] = II("criterion.label_smoothing")
    save_dir: str = II("checkpoint.save_dir")
    restore_file: str = II("checkpoint.restore_file")
    max_source_positions: int = II("task.max_source_positions")
    max_target_positions: int = II("task.max_target_positions")


def _network_size(cfg: CMLMConfig, source: MaskedDictionary, target: MaskedDictionary) -> NetworkSize:
    return NetworkSize(
        encoder=_layer_size(cfg, "encoder"),
        decoder=_layer_size(cfg, "decoder"),
        encoder_layers=cfg.encoder_layers,
        decoder_layers=cfg.decoder_layers,
        words=(len(source), len(target)),
        positions=(cfg.max_source_positions, cfg.max_target_positions),
        pads=(source.pad(), target.pad()),
        share_all=cfg.share_all_embeddings,
        tie_output=cfg.share_decoder_input_output_embed,
        heads=OBJECTIVES[_objective(cfg)].heads,
    )


def _objective(cfg: CMLMConfig) -> str:
    """Return the objective that the model is or was trained for."""
    name = _of_the_training(cfg, "objective")
    return name if name in OBJECTIVES else "cmlm"


def _of_the_training(cfg: CMLMConfig, name: str) -> Any:
    """Return an option of the training, or None in a configuration without one, such as an old checkpoint's."""
    if OmegaConf.is_config(cfg):
        return OmegaConf.select(cfg, name, throw_on_resolution_failure=False)
    value = getattr(cfg, name, None)
    return None if isinstance(value, str) and value.startswith("${") else value


def _layer_size(cfg: CMLMConfig, side: str) -> LayerSize:
    return LayerSize(
        features=getattr(cfg, f"{side}_embed_dim"),
        ffn_features=getattr(cfg, f"{side}_ffn_embed_dim"),
        heads=getattr(cfg, f"{side}_attention_heads"),
        pre_norm=getattr(cfg, f"{side}_normalize_before"),
        dropout=cfg.dropout,
        attention_dropout=cfg.attention_dropout,
        activation_dropout=cfg.activation_dropout,
    )


@register_model("cmlm", dataclass=CMLMConfig)
class CMLMModel(BaseFairseqModel, Network):
    """The network as fairseq builds, trains, saves and loads it.

    A hash of its dictionaries is part of its state, and it refuses to be loaded with others.
    """

    dictionary_version: Tensor

    def __init__(self, cfg: CMLMConfig, source: MaskedDictionary, target: MaskedDictionary) -> None:
        super().__init__()
        self.build(_network_size(cfg, source, target))
        self.objective = _objective(cfg)
        smoothing = _of_the_training(cfg, "label_smoothing")
        self.label_smoothing = smoothing if isinstance(smoothing, float) else None
        self.precision = "float32"
        self._max_positions = (cfg.max_source_positions, cfg.max_target_positions)
        # "version" in its name exempts it from fairseq's moving average (--store-ema).
        self.register_buffer("dictionary_version", fingerprint(source, target))

    @staticmethod
    def add_args(parser: ArgumentParser) -> None:
        """Declare the options without defaults, which come from the architecture."""
        gen_parser_from_dataclass(parser, CMLMConfig(), delete_default=True)

    @classmethod
    def build_model(cls, cfg: CMLMConfig, task: Any) -> "CMLMModel":
        """Build the model for a task whose dictionaries have a mask symbol."""
        ModelOptions(**{one.name: getattr(cfg, one.name) for one in declared(ModelOptions)})
        source, target = task.source_dictionary, task.target_dictionary
        if not isinstance(target, MaskedDictionary):
            raise OptionError("a cmlm model needs --task translation_cmlm: this task's dictionaries have no <mask>")
        if cfg.share_all_embeddings and source != target:
            raise OptionError(
                "--share-all-embeddings needs one dictionary for both languages, and those of the data folder differ: "
                "use fairseq-preprocess --joined-dictionary, or for a trained model the --srcdict and --tgtdict of its "
                "own folder"
            )
        return cls(cfg, source, target)

    @classmethod
    def from_pretrained(cls, *args: Any, **kwargs: Any) -> Any:
        """Return fairseq's hub interface, whose text is prepared as the task says: by the model's text pipeline."""
        hub: Any = super().from_pretrained(*args, **kwargs)
        hub.tokenizer, hub.bpe = hub.task.build_tokenizer(hub.cfg.tokenizer), hub.task.build_bpe(hub.cfg.bpe)
        return hub

    def forward(self, objective: "Callable[[CMLMModel], Learned]") -> Learned:
        """Return the result of `objective` on the network.

        fairseq's wrappers for data-parallel training see one forward pass, however often it encodes and decodes.
        """
        return objective(self)

    def lower_precision(self, precision: str) -> None:
        """Change the model in place, for decoding only, to one of PRECISIONS; raise an OptionError if impossible."""
        with _LOWERING:
            if precision != self.precision:
                self._lower(precision)

    def _lower(self, precision: str) -> None:
        devices, device = PRECISIONS[precision].devices, self.dictionary_version.device.type
        if self.precision != "float32":
            raise OptionError(
                f"--decoding-dtype {precision}: the model was changed to {self.precision} before; load it anew"
            )
        if device not in devices:
            usable = [name for name, other in PRECISIONS.items() if device in other.devices]
            raise OptionError(
                f"--decoding-dtype {precision} cannot be computed on this machine's {device}: use {' or '.join(usable)}"
            )
        numbers = next(self.parameters()).dtype
        if numbers != torch.float32:
            raise OptionError(
                f"--decoding-dtype {precision} needs a float32 model, and it is {numbers}: leave out --fp16"
            )
        PRECISIONS[precision].lower(self)
        self.precision = precision

    def max_positions(self) -> Tuple[int, int]:
        """Return the lengths of the longest source and target, in tokens with `</s>`."""
        return self._max_positions

    def load_state_dict(  # type: ignore[override]
        self,
        state_dict: Dict[str, Any],
        strict: bool = True,
        model_cfg: Optional[Any] = None,
        args: Optional[Namespace] = None,
    ) -> Any:
        """Load parameters as fairseq does, but refuse those that belong to other dictionaries."""
        fairseqs: Any = super()
        theirs = state_dict.get("dictionary_version")
        if theirs is None:
            if strict:
                raise CheckpointError("the checkpoint holds no cmlm model (its parameters name no dictionaries)")
            return fairseqs.load_state_dict(state_dict, strict, model_cfg, args)
        same = (theirs.cpu() == self.dictionary_version.cpu()).all(dim=1).tolist()
        other = [side for side, equal in zip(("source", "target"), same) if not equal]
        if other:
            raise CheckpointError(
                f"the checkpoint was trained with another {' and '.join(other)} dictionary than the data folder has: "
                "give the folder that it was trained on, or preprocess the text with the dict.*.txt of that folder "
                "(fairseq-preprocess --srcdict, --tgtdict)"
            )
        return fairseqs.load_state_dict(state_dict, strict, model_cfg, args)


# --arch name -> the options that differ from cmlm_base; options on the command line win.
ARCHITECTURES: Dict[str, Dict[str, Any]] = {
    "cmlm_base": {},
    "cmlm_small": {"encoder_ffn_embed_dim": 512, "decoder_ffn_embed_dim": 512},
    "cmlm_tiny": {
        "dropout": 0.1,
        **{f"{side}_embed_dim": 128 for side in ("encoder", "decoder")},
        **{f"{side}_ffn_embed_dim": 256 for side in ("encoder", "decoder")},
        **{f"{side}_layers": 2 for side in ("encoder", "decoder")},
        **{f"{side}_attention_heads": 4 for side in ("encoder", "decoder")},
    },
}


def _register(name: str, options: Dict[str, Any]) -> None:
    """Register `--arch name` with fairseq."""

    def fill(args: Namespace) -> None:
        for option, value in options.items():
            if not hasattr(args, option):
                setattr(args, option, value)

    register_model_architecture("cmlm", name)(fill)


for _name, _options in ARCHITECTURES.items():
    _register(_name, _options)
