"""C2PA manifests: whole, changed, trusted, of nobody; and never a word to the network."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import c2pa  # type: ignore[import-untyped]  # no stubs
import pytest

from matchers.marks import Limits
from matchers.marks_c2pa import settings
from tests.matchers import marked

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("name", ["a.mp4", "a.jpg", "a.png", "a.webp"])
def test_c2pa_of_an_unknown_signer_is_present_and_says_so(tmp_path: Path, name: str) -> None:
    """A good signature of nobody we know: the claim stands, and so does the doubt."""
    mark = marked.only(marked.signed(marked.plain(tmp_path, name), tmp_path / f"signed-{name}"), "c2pa")

    assert (mark.state, mark.claim, mark.generator) == ("present", "generated", "test-generator 1.0")
    assert "signed by Unheard-of Studio (not on a trust list), whole and unaltered" in mark.sentence
    assert mark.fields["digitalSourceType"] == "trainedAlgorithmicMedia"


def test_c2pa_of_a_trusted_root_is_told_apart(tmp_path: Path) -> None:
    """With the root given, the same file is trusted."""
    path = marked.signed(marked.plain(tmp_path, "a.jpg"), tmp_path / "signed.jpg")
    mark = marked.only(path, "c2pa", anchors=marked.signer().root)

    assert (mark.state, mark.fields["validation_state"]) == ("present", "Trusted")
    assert "(on the trust list)" in mark.sentence


@pytest.mark.parametrize("name", ["a.mp4", "a.jpg"])
def test_c2pa_of_a_file_that_was_changed_is_invalid(tmp_path: Path, name: str) -> None:
    """One bit of the picture: the manifest no longer fits, and claims nothing."""
    path = marked.signed(marked.plain(tmp_path, name), tmp_path / f"signed-{name}")
    raw = bytearray(path.read_bytes())
    raw[raw.find(b"x264 - core") if name == "a.mp4" else -40] ^= 1
    path.write_bytes(raw)
    mark = marked.only(path, "c2pa")

    assert (mark.state, mark.claim, mark.evidence) == ("invalid", "silent", False)
    assert "does not fit this file" in mark.sentence
    assert "Hash.mismatch" in mark.fields["failures"]
    assert "untrusted" not in mark.fields["failures"]


def test_c2pa_box_without_a_manifest_is_invalid(tmp_path: Path) -> None:
    """A box that only looks like one is reported, not believed."""
    uuid = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
    path = marked.boxed(tmp_path / "a.mp4", after=marked.box(b"uuid", uuid, b"\0" * 4, b"manifest\0", b"\0" * 40))

    assert marked.only(path, "c2pa").state == "invalid"


def test_c2pa_keeps_the_keys_of_an_accounting(tmp_path: Path) -> None:
    """Seedance's API leaves a log id: what a demand for records names."""
    path = marked.signed(
        marked.plain(tmp_path, "a.mp4"),
        tmp_path / "signed.mp4",
        agent="Volcengine_Ark_CN",
        parameters={"model_name": "doubao-seedance-2-0", "log_id": "0217"},
    )
    mark = marked.only(path, "c2pa")

    assert mark.generator == "Seedance (Volcengine Ark)"
    assert (mark.fields["parameters.log_id"], mark.fields["parameters.model_name"]) == ("0217", "doubao-seedance-2-0")


@pytest.mark.parametrize(("uri", "claim"), [(marked.PART_AI, "composite"), (marked.CAMERA, "silent")])
def test_c2pa_claims_only_what_its_actions_say(tmp_path: Path, uri: str, claim: str) -> None:
    """A camera signs too: a manifest alone is no sign of generation."""
    path = marked.signed(marked.plain(tmp_path, "a.jpg"), tmp_path / "signed.jpg", source_uri=uri)

    assert (marked.only(path, "c2pa").state, marked.only(path, "c2pa").claim) == ("present", claim)


def test_c2pa_of_an_editor_hands_on_what_the_parent_says(tmp_path: Path) -> None:
    """Opened, changed and signed anew: the content is what it was."""
    made = marked.signed(marked.plain(tmp_path, "a.jpg"), tmp_path / "made.jpg")
    path = marked.signed(
        made,
        tmp_path / "edited.jpg",
        opened=True,
        prepare=lambda builder: builder.set_intent(c2pa.C2paBuilderIntent.EDIT),
    )

    assert marked.only(path, "c2pa").claim == "generated"


def test_c2pa_of_a_part_makes_a_composite(tmp_path: Path) -> None:
    """A generated element in a photographed picture."""
    made = marked.signed(marked.plain(tmp_path, "a.jpg"), tmp_path / "made.jpg")

    def place(builder: Any) -> None:
        with made.open("rb") as stream:
            builder.add_ingredient({"title": "part", "relationship": "componentOf"}, "image/jpeg", stream)

    path = marked.signed(marked.plain(tmp_path, "b.jpg"), tmp_path / "c.jpg", source_uri=marked.CAMERA, prepare=place)

    assert marked.only(path, "c2pa").claim == "composite"


@pytest.fixture
def visits() -> Iterator[tuple[str, list[str]]]:
    """A loopback server's address, and every path that was asked of it."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        do_HEAD = do_POST = do_GET  # noqa: N815  (the library looks for these names)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/manifest.c2pa", asked
    server.shutdown()
    server.server_close()


def remote(at: Path, address: str, *, embedded: bool) -> Path:
    """Sign a picture whose manifest is said to be elsewhere."""

    def prepare(builder: Any) -> None:
        builder.set_remote_url(address)
        if not embedded:
            builder.set_no_embed()

    return marked.signed(marked.plain(at, "a.jpg"), at / "remote.jpg", prepare=prepare)


@pytest.mark.parametrize("embedded", [True, False])
def test_remote_manifest_is_never_fetched(tmp_path: Path, visits: tuple[str, list[str]], *, embedded: bool) -> None:
    """An address in a hostile file is a way to be seen, or to reach what only we can reach."""
    address, asked = visits
    path = remote(tmp_path, address, embedded=embedded)
    asked.clear()  # the signer may have looked
    mark = marked.only(path, "c2pa")

    assert asked == []
    assert mark.state == ("present" if embedded else "absent")
    assert embedded or mark.fields["remote"] == address


def test_library_itself_is_told_not_to_fetch(tmp_path: Path, visits: tuple[str, list[str]]) -> None:
    """Left to its own settings it asks; either of our two locks alone keeps it from that."""
    address, asked = visits
    path = remote(tmp_path, address, embedded=False)
    ours, requests = settings(""), []
    for told in ({}, ours, {"verify": ours["verify"]}, {"core": ours["core"]}):
        asked.clear()
        with pytest.raises(c2pa.C2paError), path.open("rb") as stream:
            c2pa.Reader(stream, context=c2pa.Context.from_dict(told))
        requests.append(len(asked))

    assert requests[0] > 0
    assert requests[1:] == [0, 0, 0]


def test_library_is_loaded_only_for_a_manifest(tmp_path: Path) -> None:
    """23 MB of native code stay out of a worker that meets no manifest, and fit into one that does."""
    code = (
        "import resource, sys; from pathlib import Path; from matchers.marks import marks\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "for name in sys.argv[1:]:\n"
        "    print([mark.state for mark in marks(Path(name)) if mark.kind == 'c2pa'], 'c2pa' in sys.modules)"
    )
    files = [marked.plain(tmp_path, "a.mp4"), marked.signed(marked.plain(tmp_path, "b.mp4"), tmp_path / "c.mp4")]
    command = [sys.executable, "-c", code, *map(str, files)]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert shown.splitlines() == ["['absent'] False", "['present'] True"]


@pytest.mark.parametrize("limits", [Limits(manifest_bytes=100), Limits(checked_bytes=100)])
def test_c2pa_that_is_too_large_to_check_is_present_and_silent(tmp_path: Path, limits: Limits) -> None:
    """Not read, and not called broken for it."""
    path = marked.signed(marked.plain(tmp_path, "a.jpg"), tmp_path / "signed.jpg")
    mark = marked.only(path, "c2pa", limits=limits)

    assert (mark.state, mark.claim, "not checked" in mark.sentence) == ("present", "silent", True)
