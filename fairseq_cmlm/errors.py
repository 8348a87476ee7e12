"""Errors that a user can mend. Each message names the option or file, the value, and the way out."""


class UserError(ValueError):
    """The base class of errors that a user can mend."""


class OptionError(UserError):
    """An option, or a combination of options, that cannot work."""


class CheckpointError(UserError):
    """A checkpoint that cannot be used here."""


class TextError(UserError):
    """A text or data file that cannot be used."""


class ModelError(UserError):
    """A model whose outputs are of no use."""


class BundleError(UserError):
    """A bundle that cannot be read, or a model that cannot become one."""
