"""A sentence model from a local folder: a tiny network and a tiny tokenizer made here."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers

from core.errors import NotFound, SettingsWrong, ShapeError
from matchers.sentences import Near, Sentences

WORDS = ["[PAD]", "[UNK]", "pale", "monster", "flower", "head", "bridge", "tea"]
ABOUT = "name: tiny\nlicence: none, made in a test\nmax_tokens: 4\nthreshold: 0.9\n"


def network(path: Path, output: str = "gather") -> None:
    """A model that gives each token a vector of its own: row n of an eight by eight unit matrix."""
    table = numpy_helper.from_array(np.eye(8, dtype=np.float32), "table")
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["b", "t"]) for name in ("input_ids",)]
    inputs.append(helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["b", "t"]))
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["tokens"])]
    shape: list[str | int] = ["b", "t", 8]
    if output == "pooled":
        nodes.append(helper.make_node("ReduceMean", ["tokens"], ["last"], axes=[1], keepdims=0))
        shape = ["b", 8]
    else:
        nodes.append(helper.make_node("Identity", ["tokens"], ["last"]))
    last = helper.make_tensor_value_info("last", TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "tiny", inputs, [last], [table])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))


def folder(path: Path, about: str = ABOUT, output: str = "gather") -> Path:
    """A whole model in a folder."""
    network(path / "model.onnx", output)
    tokenizer = Tokenizer(models.WordLevel({word: nth for nth, word in enumerate(WORDS)}, unk_token="[UNK]"))  # noqa: S106 -- a token of words
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(path / "tokenizer.json"))
    (path / "model.yml").write_text(about, encoding="utf-8")
    return path


def test_embedding_is_the_mean_of_its_tokens_at_length_one(tmp_path: Path) -> None:
    """Two words, each with a vector of its own, weigh the same; what pads the shorter text weighs nothing."""
    vectors = Sentences.open(folder(tmp_path)).embed(["pale monster", "tea"])

    assert vectors.dtype == np.float32
    assert vectors.shape == (2, 8)
    np.testing.assert_allclose(vectors[0], np.eye(8)[2] * 0.5**0.5 + np.eye(8)[3] * 0.5**0.5, atol=1e-6)
    np.testing.assert_allclose(vectors[1], np.eye(8)[7], atol=1e-6)


def test_batches_change_nothing(tmp_path: Path) -> None:
    """A text gets the same vector alone as among forty others."""
    model = Sentences.open(folder(tmp_path))
    texts = [f"{WORDS[2 + nth % 6]} {WORDS[2 + nth % 5]}" for nth in range(40)]

    np.testing.assert_allclose(model.embed(texts)[33:34], model.embed([texts[33]]), atol=1e-6)


def test_nearest_tells_only_what_reaches_the_threshold(tmp_path: Path) -> None:
    """The model's own threshold decides; a text that is near nothing is left out."""
    model = Sentences.open(folder(tmp_path))
    known = model.embed(["flower head", "pale monster"])

    assert model.nearest(["tea", "monster pale"], known) == [Near(1, 1, 1.0)]


def test_text_without_tokens_is_all_zero(tmp_path: Path) -> None:
    """Nothing said is near nothing, and crashes nothing."""
    model = Sentences.open(folder(tmp_path))

    assert not model.embed(["", "  "]).any()
    assert model.embed([]).shape[0] == 0


@pytest.mark.parametrize("text", ["\ud800 tea", "tea " * 300_000, "\x00"])
def test_hostile_text_is_embedded(text: str, tmp_path: Path) -> None:
    """Broken or endless text is cut and read, not refused."""
    assert Sentences.open(folder(tmp_path)).embed([text]).shape == (1, 8)


def test_missing_folder_and_files_are_named(tmp_path: Path) -> None:
    """The message says which file is not there."""
    (tmp_path / "model.onnx").write_bytes(b"")

    with pytest.raises(NotFound, match=r"lacks tokenizer\.json, model\.yml"):
        Sentences.open(tmp_path)
    with pytest.raises(NotFound, match="no folder"):
        Sentences.open(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ("name: tiny", "licence, max_tokens, threshold"),
        (ABOUT.replace("4", "0"), "max_tokens is 1"),
        (ABOUT.replace("4", "true"), "max_tokens"),
        (ABOUT.replace("0.9", "2"), "threshold a cosine"),
        ("[1", "not YAML"),
        ("", "name"),
    ],
)
def test_wrong_description_is_told(about: str, told: str, tmp_path: Path) -> None:
    """Each mistake in model.yml is named."""
    with pytest.raises(SettingsWrong, match=told):
        Sentences.open(folder(tmp_path, about))


@pytest.mark.parametrize(("name", "told"), [("model.onnx", "no ONNX model"), ("tokenizer.json", "no tokenizer")])
def test_broken_file_is_told(name: str, told: str, tmp_path: Path) -> None:
    """A file that is not what its name says ends in one clear sentence."""
    (folder(tmp_path) / name).write_bytes(b"not this")

    with pytest.raises(SettingsWrong, match=told):
        Sentences.open(tmp_path)


def test_model_that_pools_by_itself_is_refused(tmp_path: Path) -> None:
    """A model of another output would be averaged over the wrong axis."""
    with pytest.raises(SettingsWrong, match="last hidden state"):
        Sentences.open(folder(tmp_path, output="pooled")).embed(["pale monster"])


def test_vectors_of_another_model_are_refused(tmp_path: Path) -> None:
    """Widths tell models apart."""
    with pytest.raises(ShapeError, match=r"\(m, 8\)"):
        Sentences.open(folder(tmp_path)).nearest(["tea"], np.zeros((1, 5), np.float32))


def test_missing_extra_is_told_in_one_sentence(tmp_path: Path) -> None:
    """Without onnxruntime the message names the extra."""
    code = (
        "import sys; sys.modules['onnxruntime'] = None\n"
        "from pathlib import Path; from matchers.sentences import Sentences\n"
        f"try: Sentences.open(Path({str(folder(tmp_path))!r}))\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert shown.startswith("SettingsWrong sentences: onnxruntime not installed")
