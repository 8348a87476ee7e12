from __future__ import annotations

from argparse import Namespace

import pytest
from fairseq.dataclass.configs import GenerationConfig

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.plugin.foreign_options import FOREIGN_OPTIONS, refuse_foreign_options


def test_fairseqs_defaults_are_accepted() -> None:
    refuse_foreign_options(GenerationConfig())
    refuse_foreign_options(Namespace())


@pytest.mark.parametrize("name", sorted(FOREIGN_OPTIONS))
def test_each_is_refused_by_name_at_another_value(name: str) -> None:
    default, advice = FOREIGN_OPTIONS[name]
    value = (not default) if isinstance(default, bool) else 7
    with pytest.raises(OptionError) as error:
        refuse_foreign_options(Namespace(**{name: value}))
    assert f"--{name.replace('_', '-')} {value}" in str(error.value) and advice in str(error.value)


# What of fairseq's generation options is used, or is without effect in fairseq too.
USED = {"beam", "nbest", "prefix_size", "print_step", "retain_iter_history", "no_seed_provided"}
WITHOUT_EFFECT = {"sacrebleu", "no_beamable_mm"}


def test_each_of_fairseqs_options_is_used_or_refused() -> None:
    known = {name for name in vars(GenerationConfig()) if not name.startswith("_")}
    assert not known - USED - WITHOUT_EFFECT - set(FOREIGN_OPTIONS)


@pytest.mark.parametrize("name", sorted(FOREIGN_OPTIONS))
def test_the_defaults_are_fairseqs(name: str) -> None:
    assert getattr(GenerationConfig(), name) == FOREIGN_OPTIONS[name][0]
