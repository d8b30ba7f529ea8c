"""The sound track of a file, decoded for the methods that listen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """Mono samples, int16, at `rate_hz`, beginning at `offset_s`."""

    offset_s: float
    rate_hz: int
    samples: NDArray[np.int16]
