"""The demo's clips and plan: they decode, and they are what the plan says they are."""

from collections import Counter
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from app.brands import load
from app.demo.make import STAMP, make
from app.demo.posts import brand_yaml, plant, references
from app.demo.recipes import RECIPES
from core.records import WatchKind
from core.words import tag
from matchers.index import hamming, pack
from matchers.phash import bits
from tests.builders import NOW

PLATFORMS = {name: frozenset(WatchKind) for name in ("mastodon", "peertube", "browser")}
REQUIRED = {"exact", "re-encode", "caption", "border", "zoomed still"}
HARD = {"mirrored", "cropped", "slowed", "spliced"}


def first_frame(path: Path) -> np.ndarray:
    """The first frame as luma."""
    with av.open(str(path)) as box:
        return next(box.decode(video=0)).to_ndarray(format="gray")


def luma(path: Path) -> np.ndarray:
    """A picture as luma."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L"))


def distances(left: list[np.ndarray], right: list[np.ndarray]) -> np.ndarray:
    """Bits that differ, each against each."""
    packed = [pack([row.tobytes() for row in bits(pictures)]) for pictures in (left, right)]
    return np.asarray(hamming(*packed))


def test_every_clip_decodes_to_its_end(demo_folder: Path) -> None:
    """Each is H.264 in yuv420p, some seconds long, and a player can begin before it has all of it."""
    looked = []
    for path in sorted((demo_folder / "media").glob("*.mp4")):
        with av.open(str(path)) as box:
            stream = box.streams.video[0]
            frames = sum(1 for _ in box.decode(stream))
            looked.append((stream.codec_context.name, stream.codec_context.pix_fmt, frames >= 54))
        head = path.read_bytes()
        assert head.index(b"moov") < head.index(b"mdat")

    assert set(looked) == {("h264", "yuv420p", True)}
    assert len(looked) >= 45


def test_planted_media_all_exist(demo_folder: Path) -> None:
    """The plan names no file that is not made, and PeerTube has its smaller renditions."""
    wanted = {post.media for post in plant(NOW)}
    wanted |= {post.media.replace(".mp4", "-144p.mp4") for post in plant(NOW) if post.platform == "peertube"}

    assert sorted(name for name in wanted if not (demo_folder / "media" / name).is_file()) == []


def test_exact_copy_is_the_same_bytes(demo_folder: Path) -> None:
    """What is planted as exact has the trailer's own sha256."""
    trailers = sorted((demo_folder / "references").rglob("trailer-*.mp4"))
    copies = [demo_folder / "media" / f"{path.stem.removeprefix('trailer-')}-exact.mp4" for path in trailers]

    assert len(trailers) == 3
    assert [path.read_bytes() for path in copies] == [path.read_bytes() for path in trailers]


def test_zoomed_still_begins_as_the_still(demo_folder: Path) -> None:
    """The first frame of an animated still is the still, by its hash."""
    stills = {path.stem: path for _, _, _, path in references(demo_folder) if path.suffix == ".jpg"}
    zoomed = [recipe for recipe in RECIPES.values() if recipe.edit == "zoomed still"]
    frames = [first_frame(demo_folder / "media" / f"{recipe.name}.mp4") for recipe in zoomed]
    apart = distances(frames, [luma(stills[recipe.source]) for recipe in zoomed])

    assert int(np.diag(apart).max()) <= 16


def test_stills_are_far_from_one_another_and_from_other_scenes(demo_folder: Path) -> None:
    """No still comes near another, nor near a clip that copies none: a false hit would be the drawing's fault."""
    stills = [path for _, _, _, path in references(demo_folder) if path.suffix == ".jpg"]
    others = sorted({post.media for post in plant(NOW) if post.edit in {"new", "unrelated"}})
    pictures = [luma(path) for path in stills]
    among = distances(pictures, pictures) + 256 * np.eye(len(stills), dtype=np.int64)
    across = distances(pictures, [first_frame(demo_folder / "media" / name) for name in others])

    assert min(among.min(), across.min()) >= 90


def test_second_make_changes_nothing(demo_folder: Path) -> None:
    """With the same code all is kept, and said to be done at once."""
    before = {path: path.stat().st_mtime_ns for path in demo_folder.rglob("*")}
    heard: list[tuple[int, int]] = []
    make(demo_folder, lambda done, total: heard.append((done, total)))

    assert heard == [(1, 1)]
    assert {path: path.stat().st_mtime_ns for path in demo_folder.rglob("*")} == before


def test_make_that_fails_leaves_no_finished_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until everything is made there is no folder, so no half set can count as one."""

    def stop(done: int, _total: int) -> None:
        if done == 2:
            raise InterruptedError("stopped on the way")

    monkeypatch.setattr("app.demo.make.SCENES", ["nebula", "dunes", "balloons"])
    with pytest.raises(InterruptedError):
        make(tmp_path / "studio", stop)

    assert not (tmp_path / "studio" / STAMP).exists()


def test_plan_has_every_kind_that_must_be_found() -> None:
    """Each easy edit is there often and must be found; each hard one is there and may be missed."""
    copies = [post for post in plant(NOW) if post.expected == "copy"]
    required = Counter(post.edit for post in copies if not post.may_miss)
    hard = Counter(post.edit for post in copies if post.may_miss)

    assert (set(required), set(hard)) == (REQUIRED, HARD)
    assert min(required.values()) >= 3


def test_planted_ids_are_unique_and_hold() -> None:
    """A post keeps its id from one day to the next, and no two share one."""
    today, later = plant(NOW), plant(NOW.replace(year=NOW.year + 1))
    ids = [post.post_id for post in today]

    assert ids == [post.post_id for post in later]
    assert len(set(ids)) == len(ids) >= 60


def test_every_post_carries_a_watched_tag(tmp_path: Path) -> None:
    """The brand file is a right one, and a watch on its platform asks for one of each post's tags."""
    path = tmp_path / "northlight.yml"
    path.write_text(brand_yaml("http://127.0.0.1:8000"), encoding="utf-8")
    watched = {(watch.platform, tag(watch.query)) for watch in load(path, PLATFORMS).watches}
    alone = [
        post.post_id for post in plant(NOW) if not {(post.platform, tag(name)) for name in post.hashtags} & watched
    ]

    assert alone == []


def test_references_name_what_the_brand_file_names(tmp_path: Path) -> None:
    """Each reference's franchise and element stand in the brand file."""
    path = tmp_path / "northlight.yml"
    path.write_text(brand_yaml("http://127.0.0.1:8000"), encoding="utf-8")
    brand = load(path, PLATFORMS)
    known = {(franchise.id, None) for franchise in brand.franchises}
    known |= {(franchise.id, element.id) for franchise in brand.franchises for element in franchise.elements}

    assert {(franchise, element) for franchise, element, _, _ in references(tmp_path)} <= known
