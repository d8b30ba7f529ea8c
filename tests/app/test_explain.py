"""Why a finding is one: the right moments, honestly told, and nothing of a stranger runs or breaks out."""

import hashlib
import io
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from rich.console import Console

from app.cli import main
from app.explain_files import as_json
from app.explain_page import gauge, render
from app.explain_pictures import gather
from app.explain_table import print_explanation
from app.explain_timeline import LEFT, RIGHT, minutes, timeline
from app.explain_words import caption_pieces, caption_readings, scoring
from app.explaining import Explanation, explain
from app.home import Home, open_home
from core.errors import NotFound
from core.records import Bank, Mark, Match, Reference, Segment, Verdict
from matchers.examples import scene
from review.moments import aligned_s, quarter_turns, side_by_side, ways
from tests.app.hits_ledger import ADDRESSES, BRAND, HOSTILE, LABEL, NOW, SUGGESTED, Desk, reference
from tests.app.test_hits_page import Seen
from tests.matchers import media

WHOLE = (0.1, 0.2, 0.6, 0.2, 0.6, 0.7, 0.1, 0.7)


def segment(query: tuple[float, float], there: tuple[float, float], **more: Any) -> Segment:
    """A stretch; its best pair is its start."""
    begins = there[1] if more.get("speed", 1.0) < 0 else there[0]
    best: dict[str, Any] = {
        "best_query_s": query[0],
        "best_reference_s": begins,
        "best_distance": 4,
        "pairs": 9,
        "speed": 1.0,
    }
    ends: dict[str, Any] = {"query_start_s": query[0], "query_end_s": query[1]}
    return Segment(**ends, reference_start_s=there[0], reference_end_s=there[1], **best | more)


def found(*parts: Segment, method: str = "phash", **more: Any) -> Match:
    """A match of file "clip" with the trailer."""
    facts: dict[str, Any] = {"distance": 4, "threshold": 64, "unit": "bits", "version": 2, "probability": 0.98}
    return Match(sha256="clip", reference="R-trailer", method=method, segments=parts, **facts | more)


def local(*parts: Segment) -> Match:
    """A match where more is nearer."""
    return found(*parts, method="local", version=1, distance=31, threshold=8, unit="cells", more_is_nearer=True)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home of one's own."""
    with open_home(tmp_path / "home", new=True) as home:
        yield home


class Case(Desk):
    """A desk whose clip was matched with a trailer, and one finding of it."""

    def trailer(self, **more: Any) -> Reference:
        """The official video, known to the ledger."""
        facts = {"id": "R-trailer", "name": "trailer.mp4", "kind": "video"} | more
        video = replace(reference("trailer"), **facts)
        self.ledger.save_references([video])
        return video

    def finding(self, *matches: Match, text: str = "", marks: tuple[Mark, ...] = (), **post: Any) -> Explanation:
        """The explanation of a post whose file was matched so."""
        sha256 = post.pop("sha256", "clip")
        kept = [replace(match, sha256=sha256) for match in matches]
        for name, version in {(match.method, match.version) for match in kept}:
            mine = [match for match in kept if match.method == name]
            self.ledger.save_matches("match", sha256, name, version, mine, at=NOW)
        if marks:
            self.ledger.save_marks(sha256, "marks", 1, marks, at=NOW)
        post_id = self.post(text, sha256=sha256, **post)
        (row,) = self.ledger.rows("SELECT id FROM findings WHERE post = ?", [post_id])
        return explain(self.ledger, row["id"], NOW)


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


# ------------------------------------------------------------------ moments
@pytest.mark.parametrize(
    ("part", "at", "there"),
    [
        (segment((2, 6), (10, 14)), 5, 13),
        (segment((0, 8), (0, 4), speed=0.5), 6, 3),
        (segment((0, 8), (2, 10), speed=-1.0), 2, 8),
        (segment((0, 8), (5, 5), speed=0.0), 6, 5),
        (segment((0, 10), (0, 11), best_query_s=5, best_reference_s=5), 10, 11),
        (segment((3, 3), (7, 7)), 99, 7),
    ],
    ids=["plain", "slowed", "backwards", "frozen", "through the best pair", "a moment"],
)
def test_moment_of_the_reference_is_the_one_that_is_shown(part: Segment, at: float, there: float) -> None:
    """Between the ends a moment is found by the straight line, backwards too."""
    assert aligned_s(part, at) == pytest.approx(there)


def test_pairs_begin_with_the_best_and_are_apart() -> None:
    """Five at most, the best first and measured, no two within half a second, over both long stretches."""
    parts = [segment((n, n), (n, n), best_distance=9) for n in range(9)]
    shown = side_by_side(found(segment((0, 20), (0, 20)), segment((30, 40), (50, 60), best_distance=1), *parts))
    times = sorted(one.query_s for one in shown)
    apart = min(later - earlier for earlier, later in pairwise(times))

    assert (shown[0].query_s, shown[0].measured, len(shown), apart >= 0.5, times[0] < 20 < times[-1]) == (
        30,
        True,
        5,
        True,
        True,
    )


def test_sound_has_no_frames() -> None:
    """Two moments that sound alike may look like anything."""
    assert side_by_side(found(segment((0, 5), (0, 5), region="sound"))) == ()


@pytest.mark.parametrize(
    ("more", "turns"),
    [
        ({"region": "whole turned 90"}, 1),
        ({"region": "turned 270"}, 3),
        ({"query_outline": WHOLE}, 0),
        ({"query_outline": (0.9, 0.1, 0.9, 0.9, 0.1, 0.9, 0.1, 0.1)}, 1),
        ({"query_outline": (0.9, 0.9, 0.1, 0.9, 0.1, 0.1, 0.9, 0.1)}, 2),
        ({"query_outline": (0.9, 0.1, 0.1, 0.1, 0.1, 0.9, 0.9, 0.9), "mirrored": True}, 0),
        ({"query_outline": (float("nan"),) * 8}, 0),
    ],
)
def test_turn_is_read_from_region_or_outline(more: dict[str, Any], turns: int) -> None:
    """Clockwise quarters, by the name of the region or by where the top edge lies."""
    assert quarter_turns(segment((0, 1), (0, 1), **more)) == turns


def test_ways_are_told_in_words() -> None:
    """Mirrored, turned, backwards and fast, each in plain words; a still has no speed."""
    part = segment((0, 8), (0, 16), speed=-2.0, mirrored=True, region="inner turned 90")

    assert (ways(part, still=False), ways(part, still=True)) == (
        ("mirrored", "turned by 90°", "played backwards", "at 2 times its speed", "by its part “inner”"),
        ("mirrored", "turned by 90°", "by its part “inner”"),
    )


# ----------------------------------------------------------------- timeline
def test_backwards_band_crosses() -> None:
    """The clip's start is joined with the reference's end."""
    (lane,) = timeline([found(segment((0, 8), (2, 10), speed=-1.0))], {"phash": 0}, duration_s=8.0, still=False).lanes
    (start, end, last, first) = (float(point.split(",")[0]) for point in lane.bands[0].points.split())

    assert (start < end, first > last) == (True, True)


@pytest.mark.parametrize("duration_s", [None, 0.0, 7.5, 1e300, float("inf"), float("nan"), -3.0])
def test_timeline_holds_any_duration(duration_s: float | None) -> None:
    """What a header claims never leaves the drawing, nor makes more than a dozen ticks."""
    drawn = timeline([found(segment((0, 5), (9e4, 9e4 + 5)))], {"phash": 0}, duration_s=duration_s, still=False)
    ticks = drawn.query.ticks() + drawn.reference.ticks()
    points = [float(x) for x in re.findall(r"([-\d.]+),", drawn.lanes[0].bands[0].points)]

    assert (len(ticks) <= 22, all(LEFT <= x <= RIGHT for x in [*points, *(x for x, _ in ticks)])) == (True, True)


def test_still_is_a_box_without_time() -> None:
    """A picture has no seconds."""
    drawn = timeline([found(segment((2, 2), (0, 0)))], {"phash": 0}, duration_s=None, still=True)

    assert (drawn.reference.still, drawn.reference.ticks(), drawn.query.still) == (True, [], False)


def test_axis_is_written_as_people_do() -> None:
    """Minutes and seconds; halves only where there are any."""
    assert [minutes(seconds) for seconds in (0, 0.5, 65, 3600)] == ["0:00", "0:00.5", "1:05", "60:00"]


@pytest.mark.parametrize(("match", "fill", "limit"), [(found(distance=16), 25, 100), (local(), 100, 100 * 8 / 31)])
def test_gauge_shows_the_threshold(match: Match, fill: float, limit: float) -> None:
    """Nearer is shorter for a distance; for cells the bar passes the mark."""
    bar = gauge(match)

    assert (bar.fill, bar.limit) == (fill, limit)


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
