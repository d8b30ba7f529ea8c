"""Marks of origin in a file's own bytes: what is read, and what is told apart."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from matchers.marks import marks
from tests.matchers import marked


def said(path: Path) -> set[str]:
    """Return the kinds of mark that are present or invalid, encoders aside."""
    return {mark.kind for mark in marks(path) if mark.state != "absent" and mark.kind != "encoder"}


@pytest.mark.parametrize("name", marked.LABELLED)
def test_aigc_label_is_read_from_every_container(tmp_path: Path, name: str) -> None:
    """GB 45438 allows many places, and files use them all."""
    mark = marked.only(marked.LABELLED[name](tmp_path), "aigc-label")

    assert (mark.state, mark.claim, mark.generator, mark.evidence) == ("present", "generated", "kling", True)
    assert mark.fields["ProduceID"] == "2026-0001"
    assert mark.where
    assert "Label 1 (generated), ContentProducer kling, ProduceID 2026-0001" in mark.sentence


def test_place_of_a_mark_is_its_path_of_boxes(tmp_path: Path) -> None:
    """A person can go there with any box viewer; sizes of 64 bits and of 0 are followed."""
    assert marked.only(marked.LABELLED["mp4 large sizes"](tmp_path), "aigc-label").where == "moov.udta.meta.ilst.AIGC"


@pytest.mark.parametrize(("number", "claim"), [("1", "generated"), ("2", "possibly"), ("3", "suspected")])
def test_aigc_label_says_how_sure_it_is(tmp_path: Path, number: str, claim: str) -> None:
    """1 generated, 2 possibly, 3 suspected: a platform's guess is not the generator's word."""
    assert marked.only(marked.png(tmp_path / "a.png", AIGC=marked.label(Label=number)), "aigc-label").claim == claim


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"Label": "1", "ContentProducer": ', "is not a JSON object"),
        ("kling", "is not a JSON object"),
        ('["1", "kling"]', "is not a JSON object"),
        (marked.label(Label=None), "it has no Label"),
        (marked.label(Label="4"), "Label 4, not 1, 2 or 3"),
        (marked.label(ProduceID=None, PropagateID=None), "it names neither"),
        (marked.label(ContentProducer="", ContentPropagator=None), "it names neither"),
        ("[" * 5000, "is not a JSON object"),
        ('{"AIGC":' * 5000, "is not a JSON object"),
    ],
)
def test_aigc_label_that_is_broken_is_invalid_with_why(tmp_path: Path, text: str, why: str) -> None:
    """A broken label claims nothing; a person can see what it was."""
    mark = marked.only(marked.png(tmp_path / "a.png", AIGC=text), "aigc-label")

    assert (mark.state, mark.claim, mark.evidence) == ("invalid", "silent", False)
    assert why in mark.sentence


def test_aigc_label_of_a_platform_needs_no_producer(tmp_path: Path) -> None:
    """A platform that suspects a clip knows only itself, and names what the label lacks."""
    text = marked.label(Label=3, ContentProducer=None, ProduceID=None)
    mark = marked.only(marked.png(tmp_path / "a.png", AIGC=text), "aigc-label")

    assert (mark.state, mark.claim, mark.generator) == ("present", "suspected", "kling")
    assert "(without ContentProducer, ProduceID)" in mark.sentence


def test_aigc_producer_code_names_the_company(tmp_path: Path) -> None:
    """Inside the 27 characters stands the company's credit code: whom an accounting demand goes to."""
    text = marked.label(ContentProducer="001191110108MA01R70K8D10001")
    mark = marked.only(marked.png(tmp_path / "a.png", AIGC=text), "aigc-label")

    assert mark.fields["ContentProducer.credit_code"] == "91110108MA01R70K8D"


def test_aigc_label_inside_a_string_is_unwrapped(tmp_path: Path) -> None:
    """Some writers put the label's JSON into a JSON string."""
    assert marked.only(marked.png(tmp_path / "a.png", AIGC=json.dumps({"AIGC": marked.label()})), "aigc-label").evidence


def test_colour_label_of_a_photo_editor_is_no_aigc_label(tmp_path: Path) -> None:
    """xmp:Label is a colour in Lightroom."""
    assert said(marked.still(tmp_path / "a.jpg", packet=marked.xmp(attributes='xmp:Label="Red"'))) == set()


# --- what survives copying ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "flags", "state"),
    [
        ("b.mp4", (), "absent"),
        ("b.mov", (), "absent"),
        ("b.mp4", ("-movflags", "use_metadata_tags"), "present"),
        ("b.mkv", (), "present"),
        ("b.mkv", ("-map_metadata", "-1"), "absent"),
    ],
)
def test_remux_destroys_the_aigc_label_unless_told_to_keep_it(
    tmp_path: Path, name: str, flags: tuple[str, ...], state: str
) -> None:
    """Joining sound and picture is such a remux: marks are read before it."""
    source = marked.LABELLED["mp4 keys"](tmp_path)

    assert marked.only(marked.remux(source, tmp_path / name, *flags), "aigc-label").state == state


@pytest.mark.parametrize("name", ["b.mp4", "b.mkv"])
def test_remux_destroys_c2pa(tmp_path: Path, name: str) -> None:
    """FFmpeg drops the manifest's box, whatever it is told."""
    source = marked.signed(marked.clip(tmp_path / "a.mp4"), tmp_path / "signed.mp4")
    copy = marked.remux(source, tmp_path / name, "-movflags", "use_metadata_tags")

    assert (marked.only(source, "c2pa").state, marked.only(copy, "c2pa").state) == ("present", "absent")


def test_absence_is_never_called_proof(tmp_path: Path) -> None:
    """Each kind that was looked for says so, and that it shows nothing."""
    absent = [mark for mark in marks(marked.clip(tmp_path / "a.mp4")) if mark.state == "absent"]

    assert [mark.kind for mark in absent] == ["aigc-label", "c2pa", "iptc", "vendor"]
    assert all("does not say who made it" in mark.sentence and not mark.evidence for mark in absent)


# --- IPTC, generators, encoders ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "state", "claim"),
    [
        (marked.AI, "present", "generated"),
        (marked.PART_AI, "present", "composite"),
        (marked.CAMERA, "present", "silent"),
        ("http://cv.iptc.org/newscodes/digitalsourcetype/../x", "invalid", "silent"),
        ("made by hand, honestly", "invalid", "silent"),
    ],
)
def test_iptc_source_type_is_read_by_its_terms(tmp_path: Path, uri: str, state: str, claim: str) -> None:
    """Two terms speak of generation; the others are present and silent."""
    mark = marked.only(marked.still(tmp_path / "a.jpg", packet=marked.source_type(uri)), "iptc")

    assert (mark.state, mark.claim, mark.fields["DigitalSourceType"]) == (state, claim, uri)


def test_iptc_source_type_is_read_from_an_mp4(tmp_path: Path) -> None:
    """Video has its XMP in a uuid box."""
    uuid = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
    path = marked.boxed(tmp_path / "a.mp4", after=marked.box(b"uuid", uuid, marked.source_type(marked.AI)))

    assert marked.only(path, "iptc").claim == "generated"


GRAPH = '{"3": {"inputs": {"seed": 5}, "class_type": "KSampler"}}'
DREAMINA = json.dumps(
    {
        "product": "dreamina",
        "exportType": "generation",
        "source_info": "web",
        "aigc_label_type": 0,
        "trace_info": {"originItemId": "7400"},
    }
)
VENDORS: dict[str, tuple[Callable[[Path], Path], str, str]] = {
    "ComfyUI, PNG": (lambda at: marked.png(at / "a.png", prompt=GRAPH), "ComfyUI", "generated"),
    "ComfyUI, MP4": (
        lambda at: marked.clip(at / "a.mp4", {"prompt": GRAPH}, options=marked.KEEP_TAGS),
        "ComfyUI",
        "generated",
    ),
    "ComfyUI, no sampler": (
        lambda at: marked.png(at / "a.png", prompt=GRAPH.replace("KSampler", "ImageScale")),
        "ComfyUI",
        "silent",
    ),
    "web UI": (
        lambda at: marked.png(at / "a.png", parameters="a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7"),
        "Stable Diffusion web UI",
        "generated",
    ),
    "NovelAI": (lambda at: marked.png(at / "a.png", Software="NovelAI"), "NovelAI", "generated"),
    "Kling SEI": (
        lambda at: marked.boxed(at / "a.mp4", media=b"\0\0\0\x20\x06\x05" + b"u" * 16 + b"kling-ai\x80"),
        "Kling",
        "generated",
    ),
    "Dreamina": (
        lambda at: marked.boxed(at / "a.mp4", ilst=marked.box(b"\xa9cmt", marked.data(DREAMINA))),
        "Dreamina (dreamina)",
        "generated",
    ),
    "ByteDance, with an item": (
        lambda at: marked.boxed(
            at / "a.mp4", ilst=marked.freeform("comment", DREAMINA.replace('"dreamina"', '"vicut"'))
        ),
        "ByteDance app (vicut)",
        "silent",
    ),
    "TikTok": (
        lambda at: marked.boxed(at / "a.mp4", ilst=marked.freeform("AigcInfo", '{"aigc_label_type":2}')),
        "labelled in ByteDance's TikTok",
        "generated",
    ),
    "software": (lambda at: marked.still(at / "a.jpg", software="Runway Gen-4"), "Runway", "generated"),
    "remark": (
        lambda at: marked.clip(at / "a.mkv", {"comment": "Made with Hailuo AI"}),
        "Hailuo AI",
        "generated",
    ),
}


@pytest.mark.parametrize("name", VENDORS)
def test_marks_of_generators_are_named(tmp_path: Path, name: str) -> None:
    """Each row of the table, in the container it was seen in; its source travels with it."""
    make, generator, claim = VENDORS[name]
    mark = marked.only(make(tmp_path), "vendor")

    assert (mark.state, mark.generator, mark.claim) == ("present", generator, claim)


def test_dreamina_keeps_the_item_id(tmp_path: Path) -> None:
    """The key under which Dreamina itself can find the generation."""
    assert marked.only(VENDORS["Dreamina"][0](tmp_path), "vendor").fields["trace_info.originItemId"] == "7400"


@pytest.mark.parametrize(
    "tags",
    [
        {"artist": "Sora", "title": "Kling"},
        {"comment": "vid:v10025g50000abcdef"},
        {"comment": '{"data":{"product":"vicut","exportType":"export"},"aigc_label_type":0}'},
        {"comment": "Not made with Runway, by the way"},
        {"encoder": "Google"},
        {"encoder": "LumaFusion", "comment": "steps: 20, sampler: mine"},
    ],
)
def test_names_that_prove_nothing_are_no_marks(tmp_path: Path, tags: dict[str, str]) -> None:
    """People are called Sora; editors and platforms leave their names on every clip."""
    ilst = b"".join(marked.freeform(key, text) for key, text in tags.items())

    assert said(marked.boxed(tmp_path / "a.mp4", ilst=ilst)) == set()


def test_encoder_names_are_neutral_and_told(tmp_path: Path) -> None:
    """Good for telling which clips went the same way."""
    flags = ("-c:v", "libx264", "-metadata", "comment=vid:v10025g50000abcdef")
    path = marked.remux(marked.clip(tmp_path / "a.mp4"), tmp_path / "b.mp4", *flags)
    found = [mark for mark in marks(path) if mark.kind == "encoder"]
    texts = " ".join(value for mark in found for value in mark.fields.values())

    assert all(name in texts for name in ("Lavf", "libx264", "x264 - core", "vid:v10025g50000abcdef"))
    assert not any(mark.evidence for mark in found)


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.webm", "a.flv", "a.jpg", "a.png", "a.webp", "a.gif"])
def test_plain_files_have_no_mark(tmp_path: Path, name: str) -> None:
    """What our own tools write is not AI evidence."""
    assert said(marked.plain(tmp_path, name)) == set()
