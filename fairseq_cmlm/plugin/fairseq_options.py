"""Declared options (fairseq_cmlm.options) as fairseq reads them."""

from dataclasses import MISSING, field, make_dataclass
from typing import Any, Dict, Optional

from omegaconf import OmegaConf

from fairseq_cmlm.options import declared, help_of, kind_of, name_of


def as_fairseq_fields(declaration: type, defaults: bool, **replaced: Any) -> Any:
    """Return a dataclass with a field for each declared option, for a configuration of fairseq to inherit from.

    defaults  use the declaration's default values; otherwise None, or False for a switch, which means "not given"
    replaced  other default values, by the option's name, such as II("task.mask_schedule")
    """
    made = []
    for one in declared(declaration):
        kind: Any = kind_of(one)
        name = name_of(one)
        default = replaced.get(name, one.default if defaults or kind is bool else None)
        assert default is not MISSING
        # A help text would make fairseq add a replaced option to the command line a second time.
        metadata: Dict[str, str] = {} if name in replaced else {"help": help_of(one)}
        kind = kind if kind is bool or (default is not None and name not in replaced) else Optional[kind]
        made.append((name, kind, field(default=default, metadata=metadata)))
    return make_dataclass(f"{declaration.__name__}Fields", made)


def as_dict(options: Any) -> Dict[str, Any]:
    """Return a namespace, a configuration or a dataclass as a dict."""
    if OmegaConf.is_config(options):
        return {str(name): options[name] for name in options if not OmegaConf.is_missing(options, str(name))}
    return dict(vars(options))
