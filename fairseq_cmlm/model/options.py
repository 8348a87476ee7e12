"""The one declaration of a network's options: its sizes, dropout and shared tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.options import check, option


@dataclass(frozen=True)
class ModelOptions:
    """The options of `--arch cmlm_*`, with the values of cmlm_base; checked when made."""

    dropout: float = option(0.3, "dropout after embeddings and sublayers", least=0, below=1)
    attention_dropout: float = option(0.0, "dropout of attention weights", least=0, below=1)
    activation_dropout: float = option(0.0, "dropout after the GELU", least=0, below=1)
    encoder_embed_dim: int = option(512, "features of the encoder", least=1)
    encoder_ffn_embed_dim: int = option(2048, "features inside the encoder's feed-forward", least=1)
    encoder_layers: int = option(6, "encoder layers", least=1)
    encoder_attention_heads: int = option(8, "attention heads of the encoder", least=1)
    encoder_normalize_before: bool = option(False, "pre-norm encoder instead of post-norm")
    decoder_embed_dim: int = option(512, "features of the decoder", least=1)
    decoder_ffn_embed_dim: int = option(2048, "features inside the decoder's feed-forward", least=1)
    decoder_layers: int = option(6, "decoder layers", least=1)
    decoder_attention_heads: int = option(8, "attention heads of the decoder", least=1)
    decoder_normalize_before: bool = option(False, "pre-norm decoder instead of post-norm")
    share_all_embeddings: bool = option(False, "one table for source, target and output (needs a joined dictionary)")
    share_decoder_input_output_embed: bool = option(False, "one table for the decoder's input and output")
    init_from: Optional[str] = option(
        None,
        "checkpoint to begin the training from: of fairseq's autoregressive Transformer of the same sizes and "
        "dictionaries, or of a cmlm model; ignored when a training resumes",
    )

    def __post_init__(self) -> None:
        check(self)
        for side in ("encoder", "decoder"):
            width, heads = getattr(self, f"{side}_embed_dim"), getattr(self, f"{side}_attention_heads")
            if width % heads:
                raise OptionError(f"--{side}-embed-dim {width} must be a multiple of --{side}-attention-heads {heads}")
        if self.share_all_embeddings and self.encoder_embed_dim != self.decoder_embed_dim:
            raise OptionError(
                f"--share-all-embeddings needs equal widths, but --encoder-embed-dim is {self.encoder_embed_dim} and "
                f"--decoder-embed-dim {self.decoder_embed_dim}"
            )
