"""Why a finding is one: the right moments, honestly told, and nothing of a stranger runs or breaks out."""

import hashlib
import io
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from rich.console import Console

from app.cli import main
from app.explain_files import as_json
from app.explain_page import render
from app.explain_pictures import gather
from app.explain_table import print_explanation
from app.explain_words import caption_pieces, caption_readings, scoring
from app.explaining import Explanation, explain
from app.home import Home, open_home
from core.errors import NotFound
from core.records import Bank, Mark, Match, Verdict
from matchers.examples import scene
from tests.app.explained import Case, found, local, segment
from tests.app.hits_ledger import ADDRESSES, BRAND, HOSTILE, LABEL, NOW, SUGGESTED, reference
from tests.app.test_hits_page import Seen
from tests.matchers import media


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home of one's own."""
    with open_home(tmp_path / "home", new=True) as home:
        yield home


@pytest.fixture
def case(home: Home) -> Case:
    """A desk with the trailer among its references."""
    case = Case(home.ledger)
    case.trailer()
    return case


def said(explanation: Explanation, width: int = 130, *, terminal: bool = False) -> str:
    """What the terminal shows."""
    out = io.StringIO()
    print_explanation(explanation, Console(file=out, width=width, force_terminal=terminal))
    return out.getvalue()


FORMS: dict[str, Callable[[Explanation], str]] = {
    "terminal": said,
    "json": lambda explanation: json.dumps(as_json(explanation)),
    "page": lambda explanation: render(explanation, {}),
}


# ------------------------------------------------------------------ gathered
def test_matches_stand_the_surest_first_and_say_what_does_not_count(case: Case) -> None:
    """Official references first; a brand file's own threshold and a licensed copy keep their match, and say why."""
    case.ledger.save_references([reference("deal", bank=Bank.LICENSED)])
    strict = replace(BRAND.franchises[0].elements[0], thresholds={"phash": 3})
    case.ledger.sync(replace(BRAND, franchises=(replace(BRAND.franchises[0], elements=(strict,)), BRAND.franchises[1])))
    told = case.finding(
        _with(reference="R-deal", probability=0.99), _with(reference="R-gown"), _with(probability=0.5)
    ).matches

    assert [(one.reference.name, one.left_out) for one in told] == [
        ("gown.png", "not counted: the brand file asks for at most 3 bits here, and it has 4"),
        ("trailer.mp4", ""),
        ("deal.png", "counts against the finding: this reference is a licensed copy"),
    ]


def test_pair_that_a_person_rejected_says_so(case: Case) -> None:
    """It stays to be seen, and is said not to count."""
    finding = case.finding(_with()).row.finding.id
    case.ledger.save_decision(finding, Verdict.UNRELATED, reviewer="ana", note="", fair_use=None, at=NOW)

    assert [one.left_out for one in explain(case.ledger, finding, NOW).matches] == [
        "not counted: a person called this pair unrelated"
    ]


def _with(**more: Any) -> Match:
    return replace(found(segment((2, 2), (0, 0), speed=0.0)), **more)


@pytest.mark.parametrize("wanted", ["F-0000000000", "", "%", "\udcff", "ö", "F-' OR 1=1 --", "a" * 100_000])
def test_unknown_finding_says_what_to_do(case: Case, wanted: str) -> None:
    """No id, no guess: the message names the command that lists them."""
    case.finding(found(segment((0, 5), (0, 5))))
    case.finding(found(segment((0, 5), (0, 5))), sha256="other")

    with pytest.raises(NotFound, match="clipwarden hits"):
        explain(case.ledger, wanted, NOW)


def test_thresholds_are_those_that_held(case: Case) -> None:
    """The threshold of each match, the lone one of its version, and none that is not known."""
    explanation = case.finding(
        local(segment((0, 5), (0, 5))), found(segment((0, 5), (0, 5)), version=1, method="pdq"), _old("gone")
    )

    assert [(one.method, one.threshold, one.lone is None) for one in explanation.limits] == [
        ("gone", 64, True),
        ("local", 8, False),
        ("pdq", 64, False),
    ]


def _old(method: str) -> Match:
    return found(segment((0, 5), (0, 5)), method=method)


# --------------------------------------------------------------------- words
def test_caption_shows_what_was_read_as_which_name(case: Case) -> None:
    """A disguised name is marked in the caption, with the number of its reading, and the rule is told."""
    explanation = case.finding(found(segment((0, 5), (0, 5))), text="so pretty: m00nlit g0wn, #LanternsOfAvelore")
    pieces = caption_pieces(explanation.row.post.text, explanation.readings)
    marked = {text: explanation.readings[number - 1].how for text, number in pieces if number}

    assert marked == {"m00nlit g0wn": "digits or signs for letters", "#LanternsOfAvelore": "the brand's own hashtag"}


def test_old_reasons_are_shown_as_sentences(case: Case) -> None:
    """A reason without detail, from an older rule, still stands there."""
    explanation = case.finding(text=SUGGESTED, label=LABEL)
    bare = [replace(one, detail={}) for one in explanation.row.finding.reasons]

    assert [read.written for read in caption_readings(bare)] == [(), ()]


def test_score_can_be_done_again_by_hand(case: Case) -> None:
    """The weights that made it are named."""
    assert "0.98 for the surest proof" in scoring(case.finding(found(segment((0, 5), (0, 5)))).row.finding)


@pytest.mark.parametrize("form", FORMS)
def test_absence_never_proves_human_origin(case: Case, form: str) -> None:
    """Every form says so, whatever was found."""
    none = Mark(kind="c2pa", state="absent", sentence="No C2PA manifest in this mp4")
    explanation = case.finding(found(segment((0, 5), (0, 5))), marks=(none,))
    words = " ".join(FORMS[form](explanation).split())

    assert ("No C2PA manifest in this mp4" in words, "never proves that people made a clip" in words) == (True, True)


# ---------------------------------------------------------------------- page
@pytest.fixture(scope="module")
def pictured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Explanation, Seen]:
    """A mirrored, outlined match of real files, as the page shows it."""
    folder = tmp_path_factory.mktemp("pictured")
    part = segment((0, 4), (1, 5), mirrored=True, reference_box=(0.1, 0.1, 0.5, 0.5))
    part = replace(part, query_outline=(1.2, 0.2, 0.3, 0.2, 0.3, 0.7, 1.2, 0.7))
    with open_home(folder / "home", new=True) as home:
        case = Case(home.ledger)
        case.trailer(sha256=home.blobs.copy(media.video(folder / "shot.mp4", media.moving(30, seed=9))))
        clip = home.blobs.copy(media.video(folder / "clip.mp4", media.moving(30)))
        explanation = case.finding(local(part), sha256=clip)
        return explanation, Seen(render(explanation, gather(home, explanation)))


def test_frames_stand_side_by_side(pictured: tuple[Explanation, Seen]) -> None:
    """The best pair with the reference as it is and mirrored, four more pairs; each a JPEG that it carries."""
    shown = [attributes["href"] or "" for tag, attributes in pictured[1].tags if tag == "image"]
    sizes = {Image.open(BytesIO(b64decode(uri.split(",")[1]))).size for uri in shown}

    assert (len(shown), sizes) == (3 + 2 * 4, {(160, 90)})


def test_rectangle_and_mirror_are_drawn(pictured: tuple[Explanation, Seen]) -> None:
    """The outline reaches out of the frame and is cut; the box is the reference's; the mirror is SVG's."""
    tags = pictured[1].tags
    outlines = {attributes["points"] for tag, attributes in tags if tag == "polygon" and attributes["class"] == "edge"}
    boxes = {attributes["width"] for tag, attributes in tags if tag == "rect" and attributes.get("class") == "edge"}

    assert (outlines, boxes, "translate(160 0) scale(-1 1)" in pictured[1].values("transform")) == (
        {"192,18 48,18 48,63 192,63"},
        {"80.0"},
        True,
    )


def test_pictures_have_words(pictured: tuple[Explanation, Seen]) -> None:
    """Each picture and drawing says what it shows."""
    drawn = [attributes for tag, attributes in pictured[1].tags if tag == "svg" and "aria-hidden" not in attributes]

    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in drawn)


def test_reference_without_a_file_is_told(home: Home, case: Case) -> None:
    """An entry of a hash list has no picture; a file that is missing or damaged has none either."""
    case.trailer(size_bytes=0, id="R-hash")
    case.finding(replace(found(segment((0, 0), (0, 0))), reference="R-hash"), sha256=home.blobs.put(b"no video"))
    (row,) = case.ledger.rows("SELECT id FROM findings")
    damaged = render(one := explain(case.ledger, row["id"], NOW), gather(home, one))
    missing = case.finding(found(segment((0, 0), (0, 0))), sha256="gone")
    page = render(missing, gather(home, missing))

    assert (
        "this reference came as a hash alone" in damaged,
        "the file does not decode here" in damaged,
        page.count("is missing from the home&#39;s blobs</p>"),
    ) == (True, True, 2)


def test_suggestion_stands_beside_official_pictures(home: Home, case: Case) -> None:
    """No frame was recognised: a person sees the post's picture and the official ones."""
    still = BytesIO()
    Image.fromarray(scene(3)).save(still, "PNG")
    case.ledger.save_references(
        [reference("a-gown", sha256=home.blobs.put(still.getvalue()), element="n/avelore/gown")]
    )
    explanation = case.finding(text=SUGGESTED, label=LABEL)

    assert "Official picture a-gown.png" in render(explanation, gather(home, explanation))


@pytest.fixture
def hostile(case: Case) -> list[Seen]:
    """Pages full of what strangers try, in every text that is not ours."""
    pages = []
    for number, text in enumerate([*HOSTILE, "<" * 1_000_000, "x" * 1_000_000 + "moonlit gown"]):
        url = ADDRESSES[number % len(ADDRESSES)] if number % 2 else text
        case.ledger.save_references([replace(reference("x"), id=f"R-{number}", name=text[:5000] or "-", kind="video")])
        marks = (Mark(kind="vendor", state="present", claim="generated", sentence=text[:5000], where=text[:50]),)
        match = replace(found(segment((0, 5), (0, 5), region=text[:60])), reference=f"R-{number}")
        explanation = case.finding(
            match, text=f"{text} moonlit gown", marks=marks, sha256=f"f{number}", author=text[:5000], url=url
        )
        pages.append(Seen(render(explanation, {})))
        assert json.loads(json.dumps(as_json(explanation)))["post"]["text"] == f"{text} moonlit gown"
    return pages


def test_page_runs_and_loads_nothing(hostile: list[Seen]) -> None:
    """No element or attribute that runs, loads, links or styles; one head, one body."""
    tags = [tag for page in hostile for tag, _ in page.tags]
    attributes = {name for page in hostile for _, named in page.tags for name in named}
    addresses = [uri for page in hostile for name in ("href", "src") for uri in page.values(name)]
    bad = set(tags) & {"script", "iframe", "object", "embed", "form", "base", "link", "img", "a", "foreignobject", "b1"}

    assert (
        bad,
        [one for one in attributes if one[:2] == "on" or one in {"style", "srcdoc", "action"}],
        addresses,
        tags.count("title") - tags.count("polygon"),
        tags.count("body"),
    ) == (set(), [], [], len(hostile), len(hostile))


def test_page_shows_strangers_text_as_it_is(hostile: list[Seen]) -> None:
    """Markup and template code are letters; what turns or ends a line is gone."""
    shown = [page.text for page in hostile]
    gone = re.findall("[\x00\x1b\u202a-\u202e\u2066-\u2069]", "".join(shown))

    assert (HOSTILE[0] in shown[0], "{{7*7}}" in shown[3], gone) == (True, True, [])


def test_page_of_a_megabyte_is_small(hostile: list[Seen]) -> None:
    """A caption, a name and an author of a megabyte cost kilobytes."""
    assert max(len(page.text) for page in hostile) < 40_000


def test_policy_allows_our_style_only(case: Case) -> None:
    """The hash in the policy is that of the style as a browser reads it."""
    html = render(case.finding(found(segment((0, 5), (0, 5)))), {})
    style = html.split("<style>")[1].split("</style>")[0]
    expected = b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert f"default-src 'none'; img-src data:; style-src 'sha256-{expected}'" in html


def test_flood_of_matches_is_still_a_page(case: Case) -> None:
    """1,000 references and 1,000 segments: a page of a sane size that says how many are left out."""
    parts = tuple(segment((n, n + 1), (n, n + 1)) for n in range(1_000))
    case.ledger.save_references(
        [replace(reference("x"), id=f"R-{n}", name=f"{n}.mp4", kind="video") for n in range(1_000)]
    )
    matches = [replace(found(*(parts if n == 0 else parts[:2])), reference=f"R-{n}") for n in range(1_000)]
    case.ledger.save_matches("match", "clip", "phash", 2, matches, at=NOW)
    html = render(case.finding(), {})

    assert ("960 more matches" in html, "997 more references" in html, len(html) < 600_000) == (True, True, True)


# ------------------------------------------------------------------ terminal
@pytest.mark.parametrize("width", [80, 160])
def test_terminal_shows_times_and_thresholds(case: Case, width: int) -> None:
    """Reasons, segments with their times and way, thresholds and words, within the width."""
    part = segment((0, 8), (2, 10), speed=-1.0)
    text = said(case.finding(local(part), text="moonlit gown"), width)
    words = ("Copy proved", "31 cells", "played", "00:10.0", "at least 8", "[1]", "Moonlit Gown")

    assert ([word for word in words if word not in text], max(map(len, text.splitlines())) <= width) == ([], True)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_terminal_runs_nothing_of_a_stranger(case: Case, hostile: str) -> None:
    """No escape sequence, direction mark or markup of a name, caption or author reaches the terminal."""
    case.trailer(name=hostile)
    mark = Mark(kind="vendor", state="present", claim="generated", sentence=hostile)
    explanation = case.finding(
        found(segment((0, 5), (0, 5))), text=f"{hostile} moonlit gown", author=hostile, url=hostile, marks=(mark,)
    )
    text = re.sub(r"\x1b\[[\d;]*m", "", said(explanation, 300, terminal=True))

    assert re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", text) == []


# ------------------------------------------------------------------- command
@pytest.fixture
def command(home: Home, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run it in this process: its exit code, and what it wrote."""

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main(["--home", str(home.folder), "explain", *words])
        return int(end.value.code or 0), *capsys.readouterr()

    return run


def test_command_writes_the_page(case: Case, tmp_path: Path, command: Callable[..., tuple[int, str, str]]) -> None:
    """Over an older page too, by the beginning of an id; with --json the data is printed as well."""
    finding = case.finding(found(segment((0, 5), (0, 5)))).row.finding.id
    page = tmp_path / "why.html"
    page.write_text("old")
    code, out, _ = command(finding[:6], "--html", str(page), "--json")
    (match,) = json.loads(out)["matches"]

    assert (code, f"Why {finding}" in page.read_text(), match["segments"][0]["reference_at_query_end_s"]) == (
        0,
        True,
        5,
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("F-0000000000",), "clipwarden hits"),
        (("{id}", "--html", "{tmp}/none/why.html"), "no such folder"),
        (("{id}", "--html", "{tmp}"), "is a folder; name a file in it"),
    ],
)
def test_command_tells_what_is_wrong(
    case: Case, tmp_path: Path, command: Callable[..., tuple[int, str, str]], words: tuple[str, ...], told: str
) -> None:
    """One line, exit code 1."""
    finding = case.finding(found(segment((0, 5), (0, 5)))).row.finding.id
    code, _, error = command(*(word.format(id=finding, tmp=tmp_path) for word in words))

    assert (code, told in error, error.count("\n")) == (1, True, 1)
