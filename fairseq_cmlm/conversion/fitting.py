"""Checks that the parameters of a checkpoint fit its options and its dictionaries."""

from __future__ import annotations

from typing import Sequence

from torch import Tensor

from fairseq_cmlm.conversion.dictionary_text import DictionaryText
from fairseq_cmlm.conversion.released import SPECIAL, VERSIONS, ReleasedModel, expected_shapes
from fairseq_cmlm.errors import CheckpointError

_TABLES = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")


def check_fit(model: ReleasedModel, parameters: dict[str, Tensor], dictionaries: Sequence[DictionaryText]) -> None:
    """Raise a CheckpointError that names the first parameter or dictionary that does not fit."""
    if model.encoder.embed_dim != model.decoder.embed_dim:
        raise CheckpointError(
            f"the checkpoint's options have encoder_embed_dim {model.encoder.embed_dim} and decoder_embed_dim "
            f"{model.decoder.embed_dim}: in the released code they are equal"
        )
    if model.encoder.normalize_before and float(parameters.get("encoder.version", 0)) < 2:
        raise CheckpointError("the pre-norm encoder is of a version without a final normalisation, which is not here")
    _check_rows(parameters, dictionaries)
    _check_parameters(
        parameters, expected_shapes(model, (dictionaries[0].words + SPECIAL, dictionaries[1].words + SPECIAL))
    )
    if model.share_all_embeddings:
        _check_shared(parameters, dictionaries)


def _check_rows(parameters: dict[str, Tensor], dictionaries: Sequence[DictionaryText]) -> None:
    for name, dictionary in zip(_TABLES, dictionaries):
        rows = len(parameters[name]) if name in parameters else None
        if rows not in (None, dictionary.words + SPECIAL):
            raise CheckpointError(
                f"{name} has {rows} rows, and {dictionary.path} {dictionary.words} words, with the {SPECIAL} special "
                f"symbols {dictionary.words + SPECIAL}: it is another dictionary"
            )


def _check_parameters(parameters: dict[str, Tensor], expected: dict[str, tuple[int, ...]]) -> None:
    for name, shape in expected.items():
        if name not in parameters:
            raise CheckpointError(f"the checkpoint lacks the parameter {name}, of the shape {shape}")
        found = tuple(parameters[name].shape)
        if found != shape:
            raise CheckpointError(
                f"{name} has the shape {found}, and by the checkpoint's options it should have {shape}"
            )
        if not parameters[name].isfinite().all():
            raise CheckpointError(f"{name} holds something else than finite numbers: the model is of no use")
    for name in sorted(parameters.keys() - expected.keys() - set(VERSIONS)):
        raise CheckpointError(
            f"there is no place for the parameter {name}, of the shape {tuple(parameters[name].shape)}"
        )


def _check_shared(parameters: dict[str, Tensor], dictionaries: Sequence[DictionaryText]) -> None:
    source, target = dictionaries
    if source.dictionary() != target.dictionary():
        raise CheckpointError(
            f"the model has one table for both languages, and {source.path} and {target.path} differ: give its own"
        )
    if not parameters[_TABLES[0]].equal(parameters[_TABLES[1]]):
        raise CheckpointError(f"{' and '.join(_TABLES)} differ, and the checkpoint says that they are one table")
