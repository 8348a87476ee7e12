"""The conditional masked language model as fairseq registers it: options, architectures, checkpoints."""

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass, field
from typing import Any, Dict, Optional, Tuple

from fairseq.dataclass import FairseqDataclass
from fairseq.dataclass.utils import gen_parser_from_dataclass
from fairseq.models import BaseFairseqModel, register_model, register_model_architecture
from omegaconf import II
from torch import Tensor, nn

from fairseq_cmlm.errors import CheckpointError, OptionError
from fairseq_cmlm.model.decoder import Decoder
from fairseq_cmlm.model.embedding import TokenEmbedding, init_bert
from fairseq_cmlm.model.encoder import Encoder
from fairseq_cmlm.model.layer import LayerSize
from fairseq_cmlm.model.precision import PRECISIONS
from fairseq_cmlm.plugin.dictionary import MaskedDictionary, fingerprint


@dataclass
class CMLMConfig(FairseqDataclass):
    """Options of `--arch cmlm_*`, with the values of cmlm_base."""

    dropout: float = field(default=0.3, metadata={"help": "dropout after embeddings and sublayers"})
    attention_dropout: float = field(default=0.0, metadata={"help": "dropout of attention weights"})
    activation_dropout: float = field(default=0.0, metadata={"help": "dropout after the GELU"})
    encoder_embed_dim: int = field(default=512, metadata={"help": "features of the encoder"})
    encoder_ffn_embed_dim: int = field(default=2048, metadata={"help": "features inside the encoder's feed-forward"})
    encoder_layers: int = field(default=6, metadata={"help": "encoder layers"})
    encoder_attention_heads: int = field(default=8, metadata={"help": "attention heads of the encoder"})
    encoder_normalize_before: bool = field(default=False, metadata={"help": "pre-norm encoder"})
    decoder_embed_dim: int = field(default=512, metadata={"help": "features of the decoder"})
    decoder_ffn_embed_dim: int = field(default=2048, metadata={"help": "features inside the decoder's feed-forward"})
    decoder_layers: int = field(default=6, metadata={"help": "decoder layers"})
    decoder_attention_heads: int = field(default=8, metadata={"help": "attention heads of the decoder"})
    decoder_normalize_before: bool = field(default=False, metadata={"help": "pre-norm decoder"})
    share_all_embeddings: bool = field(
        default=False, metadata={"help": "one table for source, target and output (needs a joined dictionary)"}
    )
    share_decoder_input_output_embed: bool = field(
        default=False, metadata={"help": "one table for the decoder's input and output"}
    )
    init_from: Optional[str] = field(
        default=None,
        metadata={"help": "checkpoint to begin the training from: of fairseq's Transformer, or of a cmlm model"},
    )
    save_dir: str = II("checkpoint.save_dir")
    restore_file: str = II("checkpoint.restore_file")
    max_source_positions: int = II("task.max_source_positions")
    max_target_positions: int = II("task.max_target_positions")


def _check(cfg: CMLMConfig) -> None:
    """Refuse sizes that cannot be built, naming the option."""
    for side in ("encoder", "decoder"):
        width, heads = getattr(cfg, f"{side}_embed_dim"), getattr(cfg, f"{side}_attention_heads")
        if width < 1 or heads < 1 or width % heads:
            raise OptionError(f"--{side}-embed-dim {width} must be a multiple of --{side}-attention-heads {heads}")
        if getattr(cfg, f"{side}_layers") < 1:
            raise OptionError(f"--{side}-layers must be at least 1")
    if cfg.share_all_embeddings and cfg.encoder_embed_dim != cfg.decoder_embed_dim:
        raise OptionError(
            f"--share-all-embeddings needs equal widths, but --encoder-embed-dim is {cfg.encoder_embed_dim} and "
            f"--decoder-embed-dim {cfg.decoder_embed_dim}"
        )


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
class CMLMModel(BaseFairseqModel):
    """Encoder with length prediction and bidirectional decoder (paper, section 2).

    The dictionaries that it was made for are part of its state: it refuses to be loaded with others.
    """

    dictionary_version: Tensor

    def __init__(self, cfg: CMLMConfig, source: MaskedDictionary, target: MaskedDictionary) -> None:
        super().__init__()
        source_tokens = nn.Embedding(len(source), cfg.encoder_embed_dim)
        target_tokens = source_tokens if cfg.share_all_embeddings else nn.Embedding(len(target), cfg.decoder_embed_dim)
        # The LENGTH token's own row 0 plus the lengths 1 .. max_target_positions.
        lengths = cfg.max_target_positions + 1
        self.encoder = Encoder(
            TokenEmbedding(source_tokens, cfg.max_source_positions),
            _layer_size(cfg, "encoder"),
            cfg.encoder_layers,
            lengths,
            source.pad(),
        )
        self.decoder = Decoder(
            TokenEmbedding(target_tokens, cfg.max_target_positions),
            _layer_size(cfg, "decoder"),
            cfg.decoder_layers,
            cfg.encoder_embed_dim,
            target.pad(),
            tied=cfg.share_all_embeddings or cfg.share_decoder_input_output_embed,
        )
        self._precision = "float32"
        self._max_positions = (cfg.max_source_positions, cfg.max_target_positions)
        # "version" in its name exempts it from fairseq's moving average (--store-ema).
        self.register_buffer("dictionary_version", fingerprint(source, target))
        self.apply(init_bert)

    @staticmethod
    def add_args(parser: ArgumentParser) -> None:
        """Declare the options without defaults, which the architecture gives."""
        gen_parser_from_dataclass(parser, CMLMConfig(), delete_default=True)

    @classmethod
    def build_model(cls, cfg: CMLMConfig, task: Any) -> "CMLMModel":
        """Build the model for a task whose dictionaries have a mask symbol."""
        _check(cfg)
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

    def forward(self, source: Tensor, canvas: Tensor, positions: Tensor) -> Tuple[Tensor, Tensor]:
        """Logits of tokens (M, V) at the flat `positions` (M,) of `canvas` (B * K, T), and of lengths (B, L).

        source  (B, S) int64
        """
        encoded = self.encoder(source)
        logits = self.decoder(canvas, self.decoder.memory(encoded), positions)
        return logits, encoded.length_logits

    def lower_precision(self, precision: str) -> None:
        """Change the model, in place and for decoding alone, to one of PRECISIONS; OptionError where that cannot be."""
        if precision in ("float32", self._precision):
            return
        devices, device = PRECISIONS[precision].devices, self.dictionary_version.device.type
        if self._precision != "float32":
            raise OptionError(f"--decoding-dtype {precision}: the model was already changed to {self._precision}")
        if device not in devices:
            usable = [name for name, other in PRECISIONS.items() if device in other.devices]
            raise OptionError(
                f"--decoding-dtype {precision} cannot be computed on this machine's {device}: use {' or '.join(usable)}"
            )
        PRECISIONS[precision].lower(self)
        self._precision = precision

    def max_positions(self) -> Tuple[int, int]:
        """The longest source and target, in tokens with `</s>`."""
        return self._max_positions

    def load_state_dict(
        self,
        state_dict: Dict[str, Any],
        strict: bool = True,
        model_cfg: Optional[Any] = None,
        args: Optional[Namespace] = None,
    ) -> Any:
        """As fairseq's, but refuse parameters that belong to other dictionaries."""
        theirs = state_dict.get("dictionary_version")
        if theirs is None:
            if strict:
                raise CheckpointError("the checkpoint holds no cmlm model (its parameters name no dictionaries)")
            return super().load_state_dict(state_dict, strict, model_cfg, args)
        same = (theirs.cpu() == self.dictionary_version.cpu()).all(dim=1).tolist()
        other = [side for side, equal in zip(("source", "target"), same) if not equal]
        if other:
            raise CheckpointError(
                f"the checkpoint was trained with another {' and '.join(other)} dictionary than the data folder has: "
                "give the folder that it was trained on, or preprocess the text with the dict.*.txt of that folder "
                "(fairseq-preprocess --srcdict, --tgtdict)"
            )
        return super().load_state_dict(state_dict, strict, model_cfg, args)


def _architecture(name: str, **sizes: Any) -> None:
    """Register `--arch name`: the sizes that differ from cmlm_base; an option on the command line wins."""

    def fill(args: Namespace) -> None:
        for option, value in sizes.items():
            if not hasattr(args, option):
                setattr(args, option, value)

    register_model_architecture("cmlm", name)(fill)


_architecture("cmlm_base")
_architecture("cmlm_small", encoder_ffn_embed_dim=512, decoder_ffn_embed_dim=512)
_architecture(
    "cmlm_tiny",
    dropout=0.1,
    **{f"{side}_embed_dim": 128 for side in ("encoder", "decoder")},
    **{f"{side}_ffn_embed_dim": 256 for side in ("encoder", "decoder")},
    **{f"{side}_layers": 2 for side in ("encoder", "decoder")},
    **{f"{side}_attention_heads": 4 for side in ("encoder", "decoder")},
)
