"""A model from a folder, end to end, with a tiny network made here; and every slip in its card."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import yaml
from onnx import TensorProto, helper

from app.isolation import Guard, each
from core.errors import NotFound, SettingsWrong, ShapeError
from core.findings import SUGGESTION_MOST
from core.records import Basis, Fingerprint
from matchers.embedding import MOST_SURE, embedding_method, fingerprint, probability
from matchers.examples import darker, scene, still
from matchers.frames import Frame
from matchers.method import Method
from matchers.models import CARD, NETWORK, VARIABLE, Card, ImageModel, calibrate, configured, load, prepared, rising

ROOT = Path(__file__).parent.parent.parent
SIDE, DIMS = 64, 192


def network(*, side: int = SIDE, last: str = "vector") -> bytes:
    """The picture at 8 x 8, less its mean: a vector of 192. `last` "map" stops before the shape is lost."""
    ends = [SIDE // 8] * 2
    nodes = [
        helper.make_node("AveragePool", ["picture"], ["small"], kernel_shape=ends, strides=ends),
        helper.make_node("ReduceMean", ["small"], ["mean"], keepdims=1),
        helper.make_node("Sub", ["small", "mean"], ["map"]),
        helper.make_node("Flatten", ["map"], ["vector"]),
    ]
    given = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, side, side])
    told = helper.make_tensor_value_info(last, TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes[: 3 if last == "map" else 4], "tiny", [given], [told])
    opset = helper.make_opsetid("", 17)
    return bytes(helper.make_model(graph, opset_imports=[opset], ir_version=9).SerializeToString())


def written(folder: Path, *, net: bytes | None = None, **changes: Any) -> Path:
    """Write a folder; None leaves a field out."""
    folder.mkdir(exist_ok=True)
    made = network() if net is None else net
    (folder / NETWORK).write_bytes(made)
    card: dict[str, Any] = {
        "name": "tiny",
        "licence": "MIT",
        "source": "tests",
        "sha256": hashlib.sha256(made).hexdigest(),
        "size_px": SIDE,
        "mean": [0.5, 0.5, 0.5],
        "std": [0.25, 0.25, 0.25],
        "dims": DIMS,
        "threshold": 0.8,
        "lone_threshold": 0.9,
        "calibration": [[0.8, 0.2], [0.9, 0.5], [1.0, 0.95]],
    } | changes
    (folder / CARD).write_text(yaml.safe_dump({k: v for k, v in card.items() if v is not None}, sort_keys=False))
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ImageModel:
    return load(written(tmp_path_factory.mktemp("model") / "tiny"))


@pytest.fixture(scope="module")
def method(model: ImageModel) -> Method:
    return embedding_method(model)


def clip(*seeds: int, start_s: float = 0.0) -> list[Frame]:
    """A scene a second."""
    return [Frame(offset_s=start_s + second, luma=scene(seed)) for second, seed in enumerate(seeds)]


def picture(seed: int) -> np.ndarray:
    return np.repeat(scene(seed)[:, :, None], 3, axis=2)


# ------------------------------------------------------------------ end to end
def test_method_of_a_folder_keeps_every_contract(tmp_path: Path) -> None:
    """With the variable set, the tests that every method stands pass for this one too."""
    command = [sys.executable, "-m", "pytest", "tests/test_methods.py", "-k", "embedding", "-p", "no:cacheprovider"]
    environment = {**os.environ, VARIABLE: str(written(tmp_path / "tiny"))}
    told = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    assert (told.returncode, "9 passed" in told.stdout) == (0, True), told.stdout


def test_copy_is_suggested_where_it_stands(method: Method) -> None:
    """Three darker frames, two seconds in: one suggestion, in the reference's seconds, never called proof."""
    bank = method.bank(method, [("a", method.fingerprint(clip(1, 2, 3, 4, 5))), ("b", method.fingerprint(clip(6, 7)))])
    shown = [replace(one, luma=darker(one.luma)) for one in clip(3, 4, 5)]
    (match,) = bank.compare("q", method.fingerprint(shown))
    (part,) = match.segments

    assert (match.reference, match.basis, part.pairs) == ("a", Basis.SUGGESTION, 3)
    assert (part.query_start_s, part.reference_start_s, part.reference_end_s) == (0.0, 2.0, 4.0)


def test_lone_pair_must_be_nearer(model: ImageModel) -> None:
    """One frame between the two thresholds counts only where a second one supports it."""
    strict = embedding_method(replace(model, card=model.card.model_copy(update={"lone_threshold": 1.0})))
    noise = np.random.default_rng(1).normal(size=(180, 320)) * 60
    near = [replace(one, luma=np.clip(one.luma + noise, 0, 255).astype(np.uint8)) for one in clip(1, 2)]
    bank = strict.bank(strict, [("r", strict.fingerprint(clip(1, 2)))])
    pair, lone = (bank.compare("q", strict.fingerprint(frames)) for frames in (near, near[:1]))

    assert (len(pair), len(lone)) == (1, 0)
    assert 0 < pair[0].distance <= strict.threshold


def test_frames_that_show_nothing_new_are_passed_by(model: ImageModel) -> None:
    """A picture that stands still is embedded once, and frames between ticks never."""
    held = [Frame(offset_s=n / 4, luma=scene(1), tick=n % 4 == 0) for n in range(20)]
    other = [Frame(offset_s=5.25, luma=scene(2), tick=False), Frame(offset_s=6.0, luma=scene(3))]

    assert [one.offset_s for one in fingerprint(model, [*held, *other])] == [0.0, 6.0]


def test_value_is_the_unit_vector_in_half_precision(model: ImageModel) -> None:
    """Big-endian float16 of length 1."""
    (one,) = fingerprint(model, still(scene(1)))
    vector = np.frombuffer(one.value, ">f2").astype(np.float64)

    assert len(vector) == DIMS
    assert float(np.linalg.norm(vector)) == pytest.approx(1.0, abs=1e-3)


def test_probability_follows_the_card_and_stops_short(model: ImageModel) -> None:
    """Linear between the points of the calibration; a suggestion never reaches what a hash proves."""
    assert probability(model, 0.85) == pytest.approx(0.35)
    assert probability(model, 1.0) == MOST_SURE == SUGGESTION_MOST


def _worker(given: tuple[Path, int]) -> list[Fingerprint]:
    folder, seed = given
    return fingerprint(load(folder), clip(seed, seed + 1))


@pytest.mark.skipif(sys.platform != "linux", reason="limits are Linux's")
def test_confined_worker_gives_the_same_bytes(model: ImageModel) -> None:
    """In a worker without memory to waste or a file to write, the vectors are the same."""
    guard = Guard(workers=1, max_seconds=60, memory_bytes=2 << 30)
    ((_, told),) = each(_worker, [(model.folder, 1)], guard)

    assert told == fingerprint(model, clip(1, 2))


# ------------------------------------------------------------------ pictures
@pytest.mark.parametrize("resize", ["squash", "crop", "pad"])
@pytest.mark.parametrize("shape", [(180, 320), (320, 180), (1, 1), (2, 3000), (64, 64)])
def test_picture_of_any_shape_is_prepared(model: ImageModel, resize: str, shape: tuple[int, int]) -> None:
    """A square of the network's size comes out, whatever went in."""
    card = model.card.model_copy(update={"resize": resize})
    given = prepared(np.full((*shape, 3), 255, np.uint8), card)

    assert (given.shape, str(given.dtype), float(given.max())) == ((1, 3, SIDE, SIDE), "float32", 2.0)


def test_channels_are_in_the_order_asked_for(model: ImageModel) -> None:
    """Red stands first in rgb and last in bgr."""
    red = np.zeros((8, 8, 3), np.uint8)
    red[:, :, 0] = 255
    first = prepared(red, model.card)[0, 0]
    last = prepared(red, model.card.model_copy(update={"channels": "bgr"}))[0, 2]

    assert (float(first.min()), float(last.min())) == (2.0, 2.0)


@pytest.mark.parametrize(("pooling", "dims"), [("mean", 3), ("gem", 3)])
def test_map_is_pooled(tmp_path: Path, pooling: str, dims: int) -> None:
    """A network that ends in a map gives one number a channel."""
    made = load(written(tmp_path / "m", net=network(last="map"), pooling=pooling, dims=dims, mean=[0.1, 0.2, 0.3]))

    assert made.embed(picture(1)).shape == (3,)


# ------------------------------------------------------------------ what is told
SLIPS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown field": ({"colour": "rgb"}, ":24: colour: Extra inputs"),
    "missing field": ({"dims": None}, "dims: Field required"),
    "wrong word": ({"resize": "stretch"}, ":24: resize: Input should be 'squash', 'crop' or 'pad'"),
    "divided by nothing": ({"std": [0.2, 0.0, 0.2]}, ":10: std: each should be above 0"),
    "lone one looser": ({"lone_threshold": 0.5}, ":16: lone_threshold: should be at least threshold"),
    "falling": ({"calibration": [[0.5, 0.9], [0.9, 0.1]]}, ":17: calibration: should rise"),
    "no cosine": ({"threshold": 75}, ":15: threshold: Input should be less than or equal to 1"),
    "no sum": ({"sha256": "abc"}, ":4: sha256: String should match"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_slip_in_the_card_is_told_with_its_line(tmp_path: Path, slip: str) -> None:
    """Each mistake names file, line and field."""
    changes, message = SLIPS[slip]

    with pytest.raises(SettingsWrong) as told:
        load(written(tmp_path / "m", **changes))
    assert f"{CARD}:" in str(told.value)
    assert message in str(told.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"name: [", ":1: not YAML"),
        (b"\xff\xfe\x00", "not YAML"),
        (b"- a\n", ":1: file:"),
        (b"name: a\nname: b\n", ":2: name: stands twice"),
    ],
)
def test_card_that_is_none_is_told(tmp_path: Path, text: bytes, message: str) -> None:
    """Broken YAML, a list, a field that stands twice."""
    folder = written(tmp_path / "m")
    (folder / CARD).write_bytes(text)

    with pytest.raises(SettingsWrong, match=message):
        load(folder)


NETWORKS: dict[str, tuple[Callable[[], bytes], dict[str, Any], str]] = {
    "other dims": (network, {"dims": 128}, "dims: 128, and the network gives"),
    "other input": (network, {"input": "image"}, "inputs picture and outputs vector"),
    "other output": (network, {"output": "pooled"}, "inputs picture and outputs vector"),
    "other size": (lambda: network(side=32), {}, "does not take"),
    "no network": (lambda: b"not a network", {}, "cannot load it"),
    "cut short": (lambda: network()[:100], {}, "cannot load it"),
    "another network": (network, {"sha256": "0" * 64}, "its sha256 is"),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_network_that_does_not_fit_is_told(tmp_path: Path, name: str) -> None:
    """What the card says and what the network is must agree, or no vector is made."""
    make, changes, message = NETWORKS[name]
    made = load(written(tmp_path / "m", net=make(), **changes))

    with pytest.raises(SettingsWrong, match=message):
        made.embed(picture(1))


def test_network_never_reads_a_file_beside_it(tmp_path: Path) -> None:
    """Weights that stand outside model.onnx are not followed: only its own bytes were summed."""
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [1], np.zeros(1, np.float32).tobytes(), raw=True)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")
    made = onnx.load_from_string(network())
    made.graph.initializer.append(tensor)
    made.graph.node[2].input[1] = "w"
    folder = written(tmp_path / "m", net=made.SerializeToString())
    (folder / "weights.bin").write_bytes(bytes(4))

    with pytest.raises(SettingsWrong, match="weights inside"):
        load(folder).embed(picture(1))


def test_method_without_a_folder_says_what_to_do() -> None:
    """Nothing is configured: the method stands by, and tells why."""
    made = embedding_method(*configured({}))

    assert VARIABLE in str(made.missing())
    with pytest.raises(NotFound):
        made.fingerprint(still(scene(1)))


def test_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A wrong path is a sentence, not a crash of every other method."""
    assert "No such file" in str(configured({VARIABLE: str(tmp_path / "nowhere")})[1])


def test_any_change_is_a_new_version(tmp_path: Path, model: ImageModel) -> None:
    """Another card or another network fingerprints everything again; the same folder does not."""
    card = load(written(tmp_path / "a", threshold=0.81))
    net = load(written(tmp_path / "b", net=network(last="map"), pooling="mean", dims=3))

    assert len({model.version, card.version, net.version}) == 3
    assert load(model.folder).version == model.version
    assert 0 < model.version < 2**31


def test_vectors_of_another_model_are_refused(method: Method) -> None:
    """Numbers of two models are never compared."""
    bank = method.bank(method, [("r", method.fingerprint(clip(1)))])
    foreign = Fingerprint(offset_s=0.0, region="whole", value=bytes(8), quality=100)

    with pytest.raises(ShapeError, match="fingerprint with one model"):
        bank.compare("q", [foreign])


def test_flood_of_equal_frames_is_bounded(method: Method) -> None:
    """A thousand references that all equal the query end in matches, not in a full memory."""
    (one,) = method.fingerprint(clip(1))
    bank = method.bank(method, [(str(n), [one]) for n in range(1000)])

    assert 0 < len(bank.compare("q", [replace(one, offset_s=float(n)) for n in range(100)])) <= 1000


# ------------------------------------------------------------------ calibration
def test_calibration_rises_from_strangers_to_copies(model: ImageModel) -> None:
    """Darker copies against other scenes: the chance rises with the cosine, and a card takes the points."""
    positives = [(picture(n), np.repeat(darker(scene(n))[:, :, None], 3, axis=2)) for n in range(20)]
    points = calibrate(model, positives, [(picture(n), picture(n + 50)) for n in range(20)])
    card = Card.model_validate({**model.card.model_dump(), "calibration": points})

    assert (points[0][1] < 0.1, points[-1][1] > 0.9) == (True, True)
    assert list(card.calibration) == sorted(points)


def test_calibration_pools_what_is_out_of_order() -> None:
    """A stranger above a copy makes one step of both, never a chance that falls."""
    points = rising([0.6, 0.8, 0.9], [0.1, 0.2, 0.7])
    chances = [chance for _, chance in points]

    assert chances == sorted(chances)
    assert len(points) == 3


def test_calibration_needs_both_kinds() -> None:
    """From copies alone nothing is learnt."""
    with pytest.raises(SettingsWrong, match="both kinds"):
        rising([0.9], [])
