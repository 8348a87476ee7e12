"""The models compared, made as fairseq checkpoints with random weights of one size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterable, Optional

import torch
from fairseq import options, tasks
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from omegaconf import OmegaConf

from fairseq_cmlm import plugin  # noqa: F401  registers the task and the model, and repairs fairseq

LANGUAGES = ("source", "target")


@dataclass(frozen=True)
class Size:
    """features D, layers of encoder and decoder each, vocabulary with fairseq's four control symbols.

    positions  of source and target; None: those of the architecture
    """

    features: int
    layers: int
    vocabulary: int
    positions: Optional[int] = None

    def options(self, encoder_layers: int, decoder_layers: int) -> list[str]:
        """Return options of fairseq for this size: feed-forward 4 D, heads of 64 features, one table of embeddings."""
        sizes = {
            "embed-dim": self.features,
            "ffn-embed-dim": 4 * self.features,
            "attention-heads": max(1, self.features // 64),
        }
        both = [f"--{side}-{name}={value}" for name, value in sizes.items() for side in ("encoder", "decoder")]
        layers = [f"--encoder-layers={encoder_layers}", f"--decoder-layers={decoder_layers}"]
        positions = [f"--max-{side}-positions={self.positions}" for side in LANGUAGES if self.positions]
        return [*both, *layers, *positions, "--share-all-embeddings"]

    @property
    def autoregressive_layers(self) -> list[tuple[int, int]]:
        """Return (encoder, decoder) layers of both autoregressive models: (N, N) and, deep and shallow, (2 N, 1)."""
        return [(self.layers, self.layers), (2 * self.layers, 1)]

    def architectures(self) -> dict[str, list[str]]:
        """Return model -> fairseq-train's options for it. Both masked models have GELU and learned positions."""
        same = self.options(self.layers, self.layers)
        theirs = ["--activation-fn=gelu", "--encoder-learned-pos", "--decoder-learned-pos", "--apply-bert-init"]
        found = {
            "ours": ["--task=translation_cmlm", "--arch=cmlm_base", "--criterion=cmlm_loss", *same],
            "fairseq-cmlm": [
                "--task=translation_lev",
                "--arch=cmlm_transformer",
                "--criterion=nat_loss",
                "--noise=random_mask",
                "--pred-length-offset",
                *theirs,
                *same,
            ],
        }
        for encoder, decoder in self.autoregressive_layers:
            sizes = self.options(encoder, decoder)
            found[f"{encoder}-{decoder}"] = ["--task=translation", "--arch=transformer", *sizes]
        return found


def words_of(size: Size) -> int:
    """Return how many words a vocabulary has besides `<s>`, `<pad>`, `</s>` and `<unk>`."""
    return size.vocabulary - 4


def write_dictionaries(folder: Path, words: int) -> None:
    """Write a dictionary w0 ... for both languages, as fairseq-preprocess would write it."""
    for language in LANGUAGES:
        (folder / f"dict.{language}.txt").write_text("".join(f"w{number} 1\n" for number in range(words)))


def build(arguments: list[str], data: Path) -> tuple[Any, Any, Any]:
    """Return config, task and randomly initialised model, as fairseq-train makes them of its options."""
    source, target = LANGUAGES
    parser = options.get_training_parser()
    everything = [str(data), f"--source-lang={source}", f"--target-lang={target}", "--optimizer=adam", *arguments]
    cfg = convert_namespace_to_omegaconf(options.parse_args_and_arch(parser, everything))
    task = tasks.setup_task(cfg.task)
    return cfg, task, task.build_model(cfg.model)


def random_checkpoint(arguments: list[str], data: Path, path: Path, seed: int) -> int:
    """Write the checkpoint of a model with random weights, made of fairseq-train's options; count its parameters."""
    torch.manual_seed(seed)
    cfg, _, model = build(arguments, data)
    state = {
        "args": None,
        "cfg": OmegaConf.to_container(cfg, enum_to_str=True),
        "model": model.state_dict(),
        "optimizer_history": [{"optimizer_name": "", "lr_scheduler_state": {}, "num_updates": 0}],
        "extra_state": {"train_iterator": {"epoch": 1, "iterations_in_epoch": 0}},
    }
    torch.save(state, path)
    return sum(one.numel() for one in model.parameters())


def random_checkpoints(size: Size, names: Iterable[str], folder: Path, seed: int) -> dict[str, Path]:
    """Write dictionaries, and the checkpoints of the models of these names, into a folder; return name -> path."""
    write_dictionaries(folder, words_of(size))
    paths = {name: folder / f"{name}.pt" for name in names}
    for name, path in paths.items():
        random_checkpoint(size.architectures()[name], folder, path, seed)
    return paths
