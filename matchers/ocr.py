"""Text in a picture -> lines with where they stand: subtitles, watermarks, titles drawn into a clip.

An extra (`ocr`), for a few frames of clips that already look interesting: it costs a hundred times a
hash. The models come inside rapidocr's wheel; this module names each file, so that nothing is ever
fetched, and says what to do when one is not there.
"""

import importlib.util
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import SettingsWrong, ShapeError

Picture: TypeAlias = NDArray[np.uint8]

MOST_PICTURES = 8  # of one clip: titles and watermarks stand for seconds
LONGEST_PX = 960  # the side a picture is reduced to; lettering meant to be read is larger than 12 px there
SHORTEST_PX = 16  # below it nothing can be read
WIDEST = 20  # times as wide as high, or the other way round: a line drawn by an attacker, not a frame
MOST_LINES = 24  # of one picture
LEAST_CONFIDENCE = 0.6  # 0..1; below it the letters are guesses
_MODELS = {"Det": "PP-OCRv6_det_small.onnx", "Rec": "PP-OCRv6_rec_small.onnx"}
_EXTRA = "reading text in pictures needs the extra `ocr`: pip install 'clipwarden[ocr]'"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text in one picture.

    confidence  0..1
    box         left, top, right, bottom in pixels of the picture as given
    picture     which of the pictures, from 0
    """

    text: str
    confidence: float
    box: tuple[int, int, int, int]
    picture: int = 0


def available() -> bool:
    """Whether the extra is installed; loads nothing."""
    return importlib.util.find_spec("rapidocr") is not None


def read_text(pictures: Sequence[Picture], *, least: float = LEAST_CONFIDENCE) -> list[Line]:
    """The lines of a few pictures, in their order, from top to bottom.

    pictures    uint8 (height, width, 3), RGB; at most MOST_PICTURES are read, the first
    least       lines of less confidence are left out
    returns     no lines for a picture that is too small or too long and thin to hold any
    raises      SettingsWrong when the extra is missing; ShapeError for what is no RGB picture
    """
    for picture in pictures:
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
            raise ShapeError(f"ocr: want uint8 (height, width, 3), got {picture.dtype} {picture.shape}; convert to RGB")
    engine = _engine()
    return [line for nth, picture in enumerate(pictures[:MOST_PICTURES]) for line in engine.lines(picture, nth, least)]


class _Engine:
    """rapidocr with one thread, a bounded picture, and no way to the network."""

    def __init__(self, reader: Callable[[Picture], object]) -> None:
        self._reader = reader
        self._lock = threading.Lock()  # the reader keeps state between its steps

    def lines(self, picture: Picture, nth: int, least: float) -> list[Line]:
        """The lines of one picture, the nth."""
        height, width = picture.shape[:2]
        if min(height, width) < SHORTEST_PX or max(height, width) > WIDEST * min(height, width):
            return []
        scale = min(1.0, LONGEST_PX / max(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA) if scale < 1 else picture
        with self._lock:
            found = self._reader(np.ascontiguousarray(small[:, :, ::-1]))  # it wants BGR
        boxes, texts, sures = (getattr(found, name, None) for name in ("boxes", "txts", "scores"))
        if boxes is None or texts is None or sures is None:
            return []
        made = [
            Line(str(text), round(float(sure), 3), _box(corners, scale, width, height), nth)
            for corners, text, sure in zip(boxes, texts, sures, strict=True)
            if sure >= least and str(text).strip()
        ]
        return sorted(made, key=lambda line: (line.box[1], line.box[0], line.text))


def _box(corners: NDArray[np.float32], scale: float, width: int, height: int) -> tuple[int, int, int, int]:
    """The upright rectangle around four corners, in pixels of the picture as given and inside it."""
    left, top = np.floor(corners.min(axis=0) / scale)
    right, bottom = np.ceil(corners.max(axis=0) / scale)
    return max(0, int(left)), max(0, int(top)), min(width, int(right)), min(height, int(bottom))


@lru_cache(maxsize=1)  # a second's loading and half a gigabyte: once a process, and only when asked
def _engine() -> _Engine:
    if not available():
        raise SettingsWrong(f"ocr: rapidocr is not installed; {_EXTRA}")
    import rapidocr  # noqa: PLC0415 -- an extra, and heavy: loaded when the first picture is read

    folder = Path(rapidocr.__file__).parent / "models"
    missing = [name for name in _MODELS.values() if not (folder / name).is_file()]
    if missing:
        raise SettingsWrong(
            f"ocr: {', '.join(missing)} not in {folder}: this rapidocr brings other models, and none is ever fetched;"
            " install rapidocr 3.10"
        )
    settings: dict[str, Any] = {f"{step}.model_path": str(folder / name) for step, name in _MODELS.items()} | {
        "Global.log_level": "critical",
        "Global.use_cls": False,  # only tells lines that stand on their head
        "Global.max_side_len": LONGEST_PX,
        # As large as it is, not enlarged to 736 px: a small frame costs little.
        "Det.limit_type": "max",
        "Det.limit_side_len": LONGEST_PX,
        # A frame painted full of lettering took 13 s and 1.1 GB; a title and a watermark are a few lines.
        "Det.max_candidates": MOST_LINES,
        "Rec.rec_batch_num": 1,
        "EngineConfig.onnxruntime.intra_op_num_threads": 1,  # workers are processes; threads would fight
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    }
    return _Engine(rapidocr.RapidOCR(params=settings))
