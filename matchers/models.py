"""An image model in a local folder: model.onnx and model.yml, as docs/models.md says.

Runs any network that makes a vector of a picture. Never fetches anything: the folder is filled by its user.
"""

import hashlib
import importlib
import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.errors import SettingsWrong
from matchers.source import Colour

Vector: TypeAlias = NDArray[np.float32]  # (dims,), of length 1

VARIABLE = "CLIPWARDEN_MODEL"  # names the folder; the app sets it for its workers
NETWORK, CARD = "model.onnx", "model.yml"
MOST_BYTES = 2 << 30  # of a network: above it a protocol buffer needs files beside it
WIDEST = 4  # times as long as high: of a wider picture the middle is looked at
GEM_POWER = 3.0  # generalised mean, as SSCD pools

Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Three: TypeAlias = tuple[float, float, float]


class Card(BaseModel):
    """What model.yml says of the network beside it.

    sha256          of model.onnx: what was calibrated is what runs
    size_px         both sides of the picture the network is given
    resize          squash: both sides to it; crop: the shorter, then the middle; pad: the longer, then the mean colour
    mean, std       of red, green, blue in 0..1, taken off and divided by
    input, output   their names; the first ones when not given
    pooling         none: the output is the vector; cls: its first token; mean, gem: over tokens or over the picture
    threshold       cosine from which two frames count, where others support them
    lone_threshold  the same for a pair by itself
    calibration     (cosine, probability) rising; between them it is linear
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    licence: str = Field(min_length=1)
    source: str = Field(min_length=1)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_px: int = Field(ge=16, le=1024)
    resize: Literal["squash", "crop", "pad"] = "squash"
    channels: Literal["rgb", "bgr"] = "rgb"
    mean: Three
    std: Three
    input: str | None = None
    output: str | None = None
    pooling: Literal["none", "cls", "mean", "gem"] = "none"
    dims: int = Field(ge=2, le=8192)
    threshold: Share
    lone_threshold: Share
    calibration: tuple[tuple[Share, Share], ...] = ()

    @model_validator(mode="after")
    def _agrees(self) -> "Card":
        if min(self.std) <= 0:
            raise ValueError("std: each should be above 0: it is divided by")
        if self.lone_threshold < self.threshold:
            raise ValueError("lone_threshold: should be at least threshold: a lone pair needs to be nearer")
        rising = list(self.calibration)
        if rising != sorted(rising) or [p for _, p in rising] != sorted(p for _, p in rising):
            raise ValueError("calibration: should rise in both numbers, from the lowest cosine to the highest")
        return self


@dataclass(frozen=True, slots=True)
class ImageModel:
    """A folder's model: what its card says, and a version that changes with any letter of it."""

    folder: Path
    card: Card
    version: int

    def embed(self, picture: Colour) -> Vector:
        """Return the picture's vector.

        picture uint8 (height, width, 3), red, green, blue
        raises  SettingsWrong when the network is another than the card says: its bytes, its output
        """
        session = _session(self.folder / NETWORK, self.card.sha256)
        output = _run(session, self.card, prepared(picture, self.card), self.folder)
        vector = _pooled(output, self.card)
        where = f"{self.folder / CARD}: dims"
        if vector.shape != (self.card.dims,):
            raise SettingsWrong(
                f"{where}: {self.card.dims}, and the network gives {output.shape}, pooled to {vector.shape}; "
                "correct dims, output or pooling"
            )
        length = float(np.linalg.norm(vector))
        if not np.isfinite(length) or length == 0.0:
            raise SettingsWrong(f"{self.folder / NETWORK}: gives no direction (length {length}); check mean and std")
        return (vector / length).astype(np.float32)

    def side_px(self, height: int, width: int) -> int:
        """Return the longest side that a picture of this shape is needed at."""
        if self.card.resize != "crop":
            return self.card.size_px * (1 if self.card.resize == "pad" else 2)
        return ceil(self.card.size_px * min(WIDEST, max(height, width) / max(1, min(height, width))))


def configured(environment: Mapping[str, str]) -> tuple[ImageModel | None, str | None]:
    """Return the model that VARIABLE names, or why there is none and what to do."""
    folder = environment.get(VARIABLE, "")
    if not folder:
        return None, f"no image model; name a folder in {VARIABLE}, see docs/models.md"
    if importlib.util.find_spec("onnxruntime") is None:
        return None, "onnxruntime is not installed; install clipwarden[models]"
    try:
        return load(Path(folder)), None
    except SettingsWrong as error:
        return None, str(error)


def load(folder: Path) -> ImageModel:
    """Read a folder's card. The network itself is read when the first picture comes.

    raises  SettingsWrong, a line for each mistake: file:line: field: what is wrong
    """
    card, network = folder / CARD, folder / NETWORK
    try:
        text = card.read_bytes()
        size_bytes = network.stat().st_size
    except OSError as error:
        raise SettingsWrong(
            f"{error.filename}: {error.strerror}; docs/models.md says what a model's folder holds"
        ) from None
    if size_bytes > MOST_BYTES:
        raise SettingsWrong(f"{network}: {size_bytes >> 20} MiB, and 2048 is the most; take a smaller model")
    read = _card(card, text)
    version = int.from_bytes(hashlib.sha256(text).digest()[:4], "big") >> 1
    return ImageModel(folder=folder, card=read, version=max(1, version))


def _card(path: Path, text: bytes) -> Card:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        raise SettingsWrong(f"{path}{where}: not YAML: {getattr(error, 'problem', None) or error}") from None
    lines = {}
    if isinstance(root, yaml.MappingNode):
        for key, _ in root.value:
            if key.value in lines:
                raise SettingsWrong(f"{path}:{key.start_mark.line + 1}: {key.value}: stands twice; keep one")
            lines[key.value] = key.start_mark.line + 1
    try:
        return Card.model_validate(data)
    except ValidationError as error:
        told = []
        for item in error.errors():
            field, message = ".".join(map(str, item["loc"])), item["msg"].removeprefix("Value error, ")
            if not field and ":" in message:  # of our own rules, which name their field
                field, message = message.split(": ", 1)
            told.append((lines.get(field.split(".")[0], 1), field or "file", message))
        raise SettingsWrong(
            "\n".join(f"{path}:{at}: {field}: {message}" for at, field, message in sorted(told))
        ) from None


def prepared(picture: Colour, card: Card) -> NDArray[np.float32]:
    """Return what the network is given: float32 (1, 3, size_px, size_px)."""
    image = Image.fromarray(picture)
    side, (width, height) = card.size_px, image.size
    if card.resize == "squash":
        image = image.resize((side, side), Image.Resampling.BICUBIC)
    else:
        scale = side / (min(width, height) if card.resize == "crop" else max(width, height))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        if max(size) > side * WIDEST:
            width, height = min(width, height * WIDEST), min(height, width * WIDEST)
            image = _middle(image, width, height)
            size = (min(size[0], side * WIDEST), min(size[1], side * WIDEST))
        image = image.resize(size, Image.Resampling.BICUBIC)
        if card.resize == "crop":
            image = _middle(image, side, side)
        else:
            whole = Image.new("RGB", (side, side), tuple(round(255 * min(1.0, max(0.0, part))) for part in card.mean))
            whole.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
            image = whole
    levels = np.asarray(image.convert("RGB"), np.float32) / np.float32(255)
    scaled = (levels - np.array(card.mean, np.float32)) / np.array(card.std, np.float32)
    if card.channels == "bgr":
        scaled = scaled[:, :, ::-1]
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])


def _middle(image: Image.Image, width: int, height: int) -> Image.Image:
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


@lru_cache(maxsize=2)
def _session(path: Path, sha256: str) -> Any:  # noqa: ANN401 - onnxruntime is an extra, and without types
    """Load the network once a process, of the very bytes whose sum was checked."""
    onnxruntime = importlib.import_module("onnxruntime")  # an extra; half a second that only its users pay

    try:
        network = path.read_bytes()
    except OSError as error:
        raise SettingsWrong(f"{path}: {error.strerror}; put the network back") from None
    found = hashlib.sha256(network).hexdigest()
    if found != sha256:
        raise SettingsWrong(
            f"{path}: its sha256 is {found}, and {CARD} says {sha256}; calibrate the new network, then correct the card"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # a process a core, and the same sums everywhere
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.enable_cpu_mem_arena = False  # gives memory back after each picture
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise SettingsWrong(
            f"{path}: onnxruntime cannot load it ({str(error)[:200]}); export it again, with its weights inside"
        ) from error


def _run(session: Any, card: Card, given: NDArray[np.float32], folder: Path) -> NDArray[np.float32]:  # noqa: ANN401 - as above
    names = [one.name for one in session.get_inputs()]
    outputs = [one.name for one in session.get_outputs()]
    if card.input not in (None, *names) or card.output not in (None, *outputs):
        raise SettingsWrong(
            f"{folder / CARD}: the network has inputs {', '.join(names)} and outputs {', '.join(outputs)}; "
            "correct input or output"
        )
    try:
        # One picture at a time: kernels for other batch sizes add up in another order, and bits would differ.
        (output,) = session.run([card.output or outputs[0]], {card.input or names[0]: given})
    except Exception as error:
        why = f"does not take {given.shape} float32 ({str(error)[:200]})"
        raise SettingsWrong(f"{folder / NETWORK}: {why}; correct size_px or export again") from error
    return np.asarray(output, np.float32)


def _pooled(output: NDArray[np.float32], card: Card) -> NDArray[np.float32]:
    """Return one vector of (1, d), (1, tokens, d) or (1, d, height, width); another shape as it is."""
    one = output[0] if output.ndim and len(output) == 1 else output
    if card.pooling == "cls" and one.ndim == 2:
        return np.asarray(one[0])
    if card.pooling in {"mean", "gem"} and one.ndim in {2, 3}:
        rows = one.reshape(one.shape[0], -1).T if one.ndim == 3 else one
        if card.pooling == "mean":
            return np.asarray(rows.mean(axis=0))
        return np.asarray((np.maximum(rows, 1e-6) ** GEM_POWER).mean(axis=0) ** (1 / GEM_POWER))
    return one


Pairs: TypeAlias = Iterable[tuple[Colour, Colour]]


def cosines(model: ImageModel, pairs: Pairs) -> list[float]:
    """Return how alike the model finds each pair of pictures, -1..1."""
    return [float(model.embed(one) @ model.embed(other)) for one, other in pairs]


def calibrate(model: ImageModel, positives: Pairs, negatives: Pairs) -> list[tuple[float, float]]:
    """Measure what a cosine is worth: the lines of `calibration` for the card.

    positives   pairs of pictures that a person would call a hit
    negatives   pairs that a person would not, as hard as they come, and as many as are met for each hit: the
                chance is that of a mix like theirs
    raises      SettingsWrong when either is empty
    """
    return rising(cosines(model, positives), cosines(model, negatives))


def rising(positives: Sequence[float], negatives: Sequence[float]) -> list[tuple[float, float]]:
    """Return (cosine, share of positives), rising in both: isotonic regression, a point at each step's middle.

    raises  SettingsWrong when either is empty
    source  pool adjacent violators, Ayer et al. 1955
    """
    if not positives or not negatives:
        raise SettingsWrong("calibration: needs pairs of both kinds; give a few hundred that are and that are not")
    seen = sorted([(value, 1.0) for value in positives] + [(value, 0.0) for value in negatives])
    steps: list[tuple[float, float, int]] = []  # sum of cosines, positives, pairs
    for value, hit in seen:
        steps.append((value, hit, 1))
        # A step that is not higher than the one before belongs to it.
        while len(steps) > 1 and steps[-1][1] / steps[-1][2] <= steps[-2][1] / steps[-2][2]:
            last, before = steps.pop(), steps.pop()
            steps.append((last[0] + before[0], last[1] + before[1], last[2] + before[2]))
    # One more pair of each kind in every step: a step of three hits is not certainty.
    points = [(total / count, (hits + 1) / (count + 2)) for total, hits, count in steps]
    smooth: list[tuple[float, float]] = []
    for cosine, chance in points:
        smooth.append((round(min(1.0, max(0.0, cosine)), 4), round(max([chance, *(p for _, p in smooth)]), 4)))
    return smooth
