"""The type of numpy's arrays, whose shapes the documentation of a function tells."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
