"""Errors that a user can mend. Each message names the option or file, the value, and the way out."""


class OptionError(ValueError):
    """An option, or a combination of options, that cannot work."""


class CheckpointError(ValueError):
    """A checkpoint that cannot be used here."""


class TextError(ValueError):
    """A text or data file that cannot be used."""
