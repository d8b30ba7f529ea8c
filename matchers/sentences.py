"""Sentences -> vectors by any sentence-embedding model in a local folder; how near two meanings are.

An extra (`models`). The folder holds model.onnx, tokenizer.json and model.yml:

    name: all-MiniLM-L6-v2
    licence: Apache-2.0
    max_tokens: 256
    threshold: 0.55     # cosine at and above which two sentences say the same, by your own measurement

Never fetches anything: whoever installs a model puts it there and answers for its licence.
"""

import importlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
import yaml
from numpy.typing import NDArray

from core.errors import NotFound, SettingsWrong, ShapeError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Vectors: TypeAlias = NDArray[np.float32]

BATCH = 16  # sentences at once: what a large model holds in 1 GB
LONGEST = 2000  # characters of a sentence that are read; captions repeat themselves after that
MOST_TOKENS = 8192  # no model takes more, and a slip in model.yml must not fill the memory
MODEL, TOKENS, ABOUT = "model.onnx", "tokenizer.json", "model.yml"


@dataclass(frozen=True, slots=True)
class About:
    """What model.yml says of a model."""

    name: str
    licence: str
    max_tokens: int
    threshold: float


@dataclass(frozen=True, slots=True)
class Near:
    """A sentence, the one nearest to it by place, and their cosine, -1..1."""

    query: int
    nearest: int
    cosine: float


class _Tensor(Protocol):
    name: str


class _Session(Protocol):
    """What is used of onnxruntime's InferenceSession, which brings no types."""

    def get_inputs(self) -> Sequence[_Tensor]:
        """The inputs a model takes."""
        ...

    def get_outputs(self) -> Sequence[_Tensor]:
        """The outputs it gives."""
        ...

    def run(self, outputs: list[str], given: dict[str, NDArray[np.int64]]) -> Sequence[Vectors]:
        """The named outputs for the given inputs."""
        ...


class Sentences:
    """A sentence-embedding model, opened; the mean of its tokens' vectors, of length 1."""

    def __init__(self, about: About, session: _Session, tokenizer: "Tokenizer") -> None:
        self.about = about
        self._session = session
        self._tokenizer = tokenizer
        self._inputs = {given.name for given in session.get_inputs()}
        self._output = session.get_outputs()[0].name

    @classmethod
    def open(cls, folder: Path) -> "Sentences":
        """Open the model of a folder, with one thread.

        raises  NotFound for a missing folder or file, SettingsWrong for a missing extra, a wrong
                model.yml, or files that no model can be made of
        """
        if not folder.is_dir():
            raise NotFound(f"sentences: no folder {folder}; put {MODEL}, {TOKENS} and {ABOUT} of a model there")
        missing = [name for name in (MODEL, TOKENS, ABOUT) if not (folder / name).is_file()]
        if missing:
            raise NotFound(f"sentences: {folder} lacks {', '.join(missing)}; nothing is ever fetched, so put it there")
        lacking = [name for name in ("onnxruntime", "tokenizers") if importlib.util.find_spec(name) is None]
        if lacking:
            raise SettingsWrong(
                f"sentences: {' and '.join(lacking)} not installed; a model needs the extra `models`:"
                " pip install 'clipwarden[models]'"
            )
        about = _about(folder / ABOUT)
        return cls(about, _session(folder / MODEL), _tokenizer(folder / TOKENS, about))

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Sentences as vectors.

        texts       LONGEST characters and max_tokens tokens of each are read
        returns     float32 (n, d), each of length 1; a text without a token is all zero
        raises      SettingsWrong when the model's output is not (batch, tokens, d) of finite numbers
        """
        parts = [self._batch(texts[at : at + BATCH]) for at in range(0, len(texts), BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)

    def nearest(self, texts: Sequence[str], among: Vectors) -> list[Near]:
        """For each text the nearest of known vectors, where their cosine reaches the model's threshold.

        among   float32 (m, d), as `embed` makes them
        returns the texts that have one, in order
        raises  ShapeError when `among` has another width than the model
        """
        if not len(texts) or not len(among):
            return []
        cosines = self._cosines(self.embed(texts), among)
        best = cosines.argmax(axis=1)
        return [
            Near(nth, int(best[nth]), round(float(row[best[nth]]), 4))
            for nth, row in enumerate(cosines)
            if row[best[nth]] >= self.about.threshold
        ]

    def _cosines(self, vectors: Vectors, among: Vectors) -> Vectors:
        if among.ndim != 2 or among.shape[1] != vectors.shape[1]:
            raise ShapeError(
                f"sentences: want (m, {vectors.shape[1]}), got {among.shape}; embed with {self.about.name}"
            )
        return np.asarray(vectors @ among.T, np.float32)

    def _batch(self, texts: Sequence[str]) -> Vectors:
        coded = self._tokenizer.encode_batch([_readable(text) for text in texts])
        ids = np.array([one.ids for one in coded], np.int64).reshape(len(texts), -1)
        mask = np.array([one.attention_mask for one in coded], np.int64).reshape(ids.shape)
        if not ids.shape[1]:  # none of them holds a token: say zero rather than ask a model about nothing
            ids, mask = np.zeros((len(texts), 1), np.int64), np.zeros((len(texts), 1), np.int64)
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        tokens = self._run({name: value for name, value in given.items() if name in self._inputs})
        if tokens.ndim != 3 or tokens.shape[:2] != ids.shape or not np.isfinite(tokens).all():
            raise SettingsWrong(
                f"sentences: {self.about.name} gives {tokens.shape} for {ids.shape} tokens, or no numbers;"
                " want the model's last hidden state, (batch, tokens, width)"
            )
        weights = mask[:, :, None].astype(np.float32)
        mean = (tokens * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1)
        length = np.linalg.norm(mean, axis=1, keepdims=True)
        return np.asarray(mean / np.where(length > 0, length, 1), np.float32)

    def _run(self, given: dict[str, NDArray[np.int64]]) -> Vectors:
        try:
            return np.asarray(self._session.run([self._output], given)[0], np.float32)
        except Exception as error:  # noqa: BLE001 -- onnxruntime's errors share no other base
            raise SettingsWrong(f"sentences: {self.about.name} does not run: {_first_line(error)}") from None


def _readable(text: str) -> str:
    # A lone surrogate, as broken JSON brings it, is no text that the tokenizer takes.
    return text[:LONGEST].encode("utf-8", "replace").decode("utf-8")


def _about(path: Path) -> About:
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsWrong(f"sentences: {path} is not YAML: {_first_line(error)}") from None
    kinds: dict[str, type | tuple[type, ...]] = {
        "name": str,
        "licence": str,
        "max_tokens": int,
        "threshold": (int, float),
    }
    wrong = [
        name
        for name, kind in kinds.items()
        if not isinstance(said, dict) or not isinstance(said.get(name), kind) or isinstance(said.get(name), bool)
    ]
    if wrong:
        raise SettingsWrong(f"sentences: {path}: {', '.join(wrong)} missing or of another kind; see matchers/sentences")
    if not 1 <= said["max_tokens"] <= MOST_TOKENS or not -1 <= said["threshold"] <= 1:
        raise SettingsWrong(f"sentences: {path}: max_tokens is 1 to {MOST_TOKENS}, threshold a cosine from -1 to 1")
    return About(said["name"], said["licence"], said["max_tokens"], float(said["threshold"]))


def _session(path: Path) -> _Session:
    onnxruntime = importlib.import_module("onnxruntime")  # an extra: loaded when a model is opened
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # workers are processes; threads would fight
    options.log_severity_level = 4
    try:
        session: _Session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 -- onnxruntime's errors share no other base
        raise SettingsWrong(f"sentences: {path} is no ONNX model that runs here: {_first_line(error)}") from None
    if "input_ids" not in {given.name for given in session.get_inputs()}:
        raise SettingsWrong(f"sentences: {path} takes no input_ids; want a sentence-embedding model")
    return session


def _tokenizer(path: Path, about: About) -> "Tokenizer":
    from tokenizers import Tokenizer  # noqa: PLC0415 -- an extra: loaded when a model is opened

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # noqa: BLE001 -- the library raises just that
        raise SettingsWrong(f"sentences: {path} is no tokenizer: {_first_line(error)}") from None
    tokenizer.enable_truncation(about.max_tokens)
    tokenizer.enable_padding()
    return tokenizer


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
