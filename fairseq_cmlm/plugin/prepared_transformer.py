"""fairseq's autoregressive Transformer with the preparation of its text, for comparisons."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from fairseq import utils

from fairseq_cmlm.files import FilePath
from fairseq_cmlm.plugin.autoregressive import load_transformer
from fairseq_cmlm.plugin.loading import move
from fairseq_cmlm.text.pipeline_file import FILE_NAME, read_pipeline


class PreparedTransformer:
    """A Transformer that reads and writes text.

    Its checkpoint does not tell how text is prepared for it: a text.json in the folder of its data does, or another.
    """

    def __init__(
        self,
        checkpoint: Path,
        data: Optional[Path],
        languages: tuple[Optional[str], Optional[str]],
        text_pipeline: Optional[FilePath],
        device: str,
    ) -> None:
        self._task, self._model = load_transformer(checkpoint, data, languages, "the checkpoint")
        self._device = move([self._model], device)
        cfg = self._task.cfg
        file = Path(text_pipeline or Path(utils.split_paths(cfg.data)[0], FILE_NAME))
        self._text = read_pipeline(file).between(cfg.source_lang, cfg.target_lang)
        self.text_signature = self._text.signature
