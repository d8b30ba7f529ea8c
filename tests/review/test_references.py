"""References at the desk: what they found, retiring without forgetting, thresholds from decisions, and the page."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request
from starlette.testclient import TestClient

from app import stages
from app.finding import find
from app.home import open_home
from app.matching import match_files
from core.errors import Busy, NotFound
from core.findings import finding_id, judge
from core.proposals import Advice, Proposal
from core.records import Bank, Fingerprint, Verdict
from matchers.method import method
from review.desk import Desk, create
from review.rights import ROLES, Person
from store import audit, queries, references
from store.ledger import Ledger
from store.references import Wanted
from tests import builders
from tests.app.hits_ledger import HOSTILE
from tests.builders import FRANCHISE, NOW

GOWN = f"{FRANCHISE}/gown"
LATER = NOW + timedelta(hours=1)


class Shop:
    """A ledger, and hits that people decided on."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.posts = ledger, 0
        ledger.sync(builders.brand())

    def reference(self, key: str, **changes: object) -> str:
        """A reference of its own file."""
        plain = builders.reference(key.ljust(64, "0"), name=f"{key}.mp4", id=f"R-{key}")
        made = replace(plain, **changes)  # type: ignore[arg-type]  # a test's own field by its name
        self.ledger.save_references([made])
        return made.id

    def hit(self, reference: str, verdict: Verdict | None = None, *, distance: int = 4) -> str:
        """A post whose file equals a reference, judged and decided; the finding's id."""
        self.posts += 1
        post, sha256 = builders.post(self.posts), f"file{self.posts:060d}"
        self.ledger.save_posts(builders.watch().id, [(post, "raw")], seen_at=NOW)
        self.ledger.save_media([builders.media(post.id, sha256)])
        found = builders.match(sha256, distance=distance, reference=reference)
        self.ledger.save_matches("match", sha256, "phash", 1, [found], at=NOW)
        self.judge(post.id)
        finding = finding_id(post.id, FRANCHISE)
        if verdict:
            self.ledger.save_decision(finding, verdict, reviewer="ada", note="", fair_use=None, at=NOW)
        return finding

    def also(self, finding: str, reference: str, *, probability: float, method: str = "phash") -> None:
        """Another match of the same file."""
        sql = "SELECT m.sha256 FROM findings f JOIN media m ON m.post = f.post WHERE f.id = ?"
        [file] = self.ledger.rows(sql, [finding])
        found = replace(builders.match(file["sha256"], distance=9, reference=reference), probability=probability)
        sql = "SELECT reference, probability FROM matches WHERE sha256 = ? AND method = ?"
        before = [replace(found, **row) for row in self.ledger.rows(sql, [file["sha256"], method])]
        made = [replace(one, method=method) for one in (*before, found)]
        self.ledger.save_matches("match", file["sha256"], method, 1, made, at=NOW)

    def judge(self, post: str) -> None:
        """As the find stage does."""
        facts = queries.known(self.ledger, now=NOW)
        found = judge(queries.post(self.ledger, post), queries.hits_of_post(self.ledger, post), facts)
        self.ledger.save_findings(post, found, 1, at=NOW)

    def score(self, finding: str) -> float:
        """What a finding scores now; 0 where it is gone."""
        rows = self.ledger.rows("SELECT score FROM findings WHERE id = ?", [finding])
        return float(rows[0]["score"]) if rows else 0.0

    def due(self) -> set[str]:
        """The posts that are to be judged again."""
        return {subject for subject, _ in self.ledger.pending("find", now=LATER, limit=10_000)}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """An empty one."""
    with Ledger(tmp_path / "ledger.db") as ledger:
        yield Shop(ledger)


@pytest.fixture
def asking(shop: Shop) -> Callable[[str], TestClient]:
    """A client of somebody with a role."""
    desk = Desk(
        ledger=shop.ledger.path,
        blob=Path,
        picture=lambda *_: None,
        screen=lambda _: {},
        add=lambda _: None,
        settings={},
    )

    def client(role: str) -> TestClient:
        async def who(_: Request) -> Person:
            return Person(name=role, role=role, rights=ROLES[role], csrf="right")

        return TestClient(create(desk, who), headers={"x-csrf": "right"})

    return client


def listed(ledger: Ledger, wanted: Wanted, **paging: int) -> list[dict[str, Any]]:
    """The list with counts of this moment."""
    return references.listed(ledger, wanted, references.outcomes(ledger), **paging)


def retire(shop: Shop, reference: str) -> None:
    """As ada does."""
    references.retire(shop.ledger, reference, person="ada", why="a logo", at=NOW)


def bring_back(shop: Shop, reference: str) -> None:
    """As ada does."""
    references.bring_back(shop.ledger, reference, person="ada", why="", at=NOW)


# ----------------------------------------------------------------- what they found
def test_hits_of_a_reference_are_counted_by_what_people_said(shop: Shop) -> None:
    """Copies, licensed and fair ones too, are confirmed; unsure is as good as undecided; the last word counts."""
    name = shop.reference("trailer")
    for verdict in (Verdict.INFRINGING, Verdict.LICENSED, Verdict.FAIR_USE, Verdict.UNSURE, None):
        shop.hit(name, verdict)
    changed = shop.hit(name, Verdict.INFRINGING)
    shop.ledger.save_decision(changed, Verdict.UNRELATED, reviewer="ben", note="", fair_use=None, at=LATER)
    (row,) = listed(shop.ledger, Wanted())

    assert (row["confirmed"], row["unrelated"], row["undecided"]) == (3, 1, 2)
    assert row["last_at"] == "2026-11-20T12:00:00.000Z"


def test_confirmed_hit_is_owed_to_its_surest_match(shop: Shop) -> None:
    """A logo in a copied trailer is confirmed by nobody: the trailer is; but in a false hit each match was wrong."""
    logo, trailer = shop.reference("logo"), shop.reference("trailer")
    for verdict in (Verdict.INFRINGING, Verdict.LICENSED, Verdict.UNRELATED):
        finding = shop.hit(trailer, verdict)
        shop.also(finding, logo, probability=0.7)
    shop.hit(logo, Verdict.INFRINGING)
    rows = {row["id"]: row for row in listed(shop.ledger, Wanted())}
    counts = {name: tuple(row[key] for key in ("confirmed", "shared", "unrelated")) for name, row in rows.items()}
    retire(shop, logo)
    [gone] = listed(shop.ledger, Wanted(state="retired"))

    assert counts == {trailer: (2, 0, 1), logo: (1, 2, 1)}
    assert (gone["confirmed"], gone["shared"], gone["unrelated"]) == (1, 2, 1)


def test_reference_of_many_false_hits_stands_first(shop: Shop) -> None:
    """Suspicious is who made three false hits or more, and more false than confirmed ones."""
    good, few, bad = (shop.reference(name) for name in ("a-good", "b-few", "z-bad"))
    for name, right, wrong in ((good, 5, 3), (few, 0, 2), (bad, 1, 4)):
        for verdict in [Verdict.INFRINGING] * right + [Verdict.UNRELATED] * wrong:
            shop.hit(name, verdict)
    rows = listed(shop.ledger, Wanted())

    assert [row["id"] for row in rows] == [bad, good, few]
    assert [row["suspicious"] for row in rows] == [True, False, False]


def test_filters_and_pages_part_the_list(shop: Shop) -> None:
    """Each filter leaves what it says, and pages neither repeat nor skip."""
    shop.reference("still", kind="image", element=GOWN)
    shop.reference("false", bank=Bank.NEGATIVE)
    for number in range(60):
        shop.reference(f"more{number:02d}", bank=Bank.LICENSED)
    shown = [listed(shop.ledger, Wanted(), skip=skip) for skip in (0, 50, 100)]

    assert [len(rows) for rows in shown] == [50, 12, 0]
    assert len({row["id"] for rows in shown for row in rows}) == 62
    for wanted, n in ((Wanted(kind="image"), 1), (Wanted(element=GOWN), 1), (Wanted(bank="licensed"), 60)):
        assert len(listed(shop.ledger, wanted, limit=100)) == n
    assert listed(shop.ledger, Wanted(franchise="nobody")) == []


# ------------------------------------------------------------- retire, bring back
def test_retired_reference_matches_no_more_and_keeps_its_history(shop: Shop) -> None:
    """Its posts are judged again without it, its counts stay, and neither row nor match can be taken away."""
    name, other = shop.reference("logo"), shop.reference("trailer")
    confirmed, waiting, untouched = shop.hit(name, Verdict.INFRINGING), shop.hit(name), shop.hit(other)
    shop.ledger.db.execute("DELETE FROM work WHERE stage = 'find'")
    retire(shop, name)
    due = shop.due()
    for post in due:
        shop.judge(post)
    (row,) = listed(shop.ledger, Wanted(state="retired"))

    assert len(due) == 2
    assert (shop.score(confirmed), shop.score(waiting), shop.score(untouched) > 0.9) == (0, 0, True)
    assert (row["id"], row["confirmed"], row["retired_by"], row["why"]) == (name, 1, "ada", "a logo")
    assert shop.ledger.count("past_matches") == 2
    for sql in ("UPDATE retirements SET why = ''", "DELETE FROM retirements", "DELETE FROM past_matches"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            shop.ledger.db.execute(sql)


def test_reference_that_is_back_is_compared_anew(tmp_path: Path) -> None:
    """Through the stages themselves: a hit, none while it is retired, and the same hit when it is back."""
    phash = method("phash")
    frames = [bytes((37 * n + i * i) % 256 for i in range(32)) for n in range(6)]
    prints = [Fingerprint(offset_s=float(n), region="whole", value=value, quality=90) for n, value in enumerate(frames)]
    scores = []
    with open_home(tmp_path, alone=True, new=True) as home:
        stages.register(home.ledger)
        shop = Shop(home.ledger)
        name, post = shop.reference("trailer"), builders.post(1)
        home.ledger.save_posts(builders.watch().id, [(post, "raw")], seen_at=NOW)
        home.ledger.save_media([builders.media(post.id, "f" * 64)])
        for sha256 in ("f" * 64, "trailer".ljust(64, "0")):
            home.ledger.save_fingerprints(sha256, phash.name, phash.version, prints, at=NOW)
        steps: list[Callable[[Shop, str], None]] = [lambda *_: None, retire, bring_back]
        for step in steps:
            step(shop, name)
            match_files(home)
            find(home)
            scores.append(shop.score(finding_id(post.id, FRANCHISE)))

    assert scores[0] > 0.9
    assert scores == [scores[0], 0.0, scores[0]]


def test_retiring_twice_and_bringing_back_twice_are_refused(shop: Shop) -> None:
    """Two who press at once: the second is told, and nothing is written twice."""
    name = shop.reference("trailer")
    retire(shop, name)
    with pytest.raises(NotFound, match="retired it"):
        retire(shop, name)
    bring_back(shop, name)
    with pytest.raises(Busy, match="in use already"):
        bring_back(shop, name)
    with pytest.raises(NotFound, match="was retired"):
        bring_back(shop, "R-nobody")

    assert shop.ledger.count("retirements") == 2


def test_reference_of_an_undone_decision_does_not_come_back(shop: Shop) -> None:
    """What a person took back as a mistake is not brought back by another way."""
    name = shop.reference("rejected", bank=Bank.NEGATIVE)
    shop.ledger.db.execute("INSERT INTO acts VALUES (1, 'decide', 'C-1', 'ada', '2026', NULL)")
    shop.ledger.db.execute("INSERT INTO learned VALUES (1, ?)", [name])
    retire(shop, name)
    shop.ledger.db.execute("INSERT INTO acts VALUES (2, 'undo', 'C-1', 'ada', '2026', 1)")

    with pytest.raises(Busy, match="undone"):
        bring_back(shop, name)


def test_stage_that_still_holds_a_retired_reference_neither_fails_nor_matches(shop: Shop) -> None:
    """A match stage opened its banks before: what it finds with the retired one is left out, the rest is kept."""
    name, other = shop.reference("logo"), shop.reference("trailer")
    shop.hit(other)
    retire(shop, name)
    found = [builders.match("a" * 64, reference=reference) for reference in (name, other)]
    shop.ledger.save_matches("match", "a" * 64, "phash", 1, found, at=NOW)

    assert [row["reference"] for row in shop.ledger.rows("SELECT * FROM matches WHERE sha256 = ?", ["a" * 64])] == [
        other
    ]


# ------------------------------------------------------------------- thresholds
@pytest.fixture
def decided(shop: Shop) -> Shop:
    """Copies of the gown at 0..9 bits, and false ones from 20 bits on."""
    name = shop.reference("gown", element=GOWN)
    with shop.ledger.write():
        for number in range(160):
            shop.hit(name, Verdict.INFRINGING, distance=number % 10)
        for number in range(40):
            shop.hit(name, Verdict.UNRELATED, distance=20 + number % 20)
    return shop


def test_accepted_threshold_holds_until_it_is_taken_back(decided: Shop, asking: Callable[[str], TestClient]) -> None:
    """It reaches judging, survives a sync of the brand file, drops what lies beyond, and can be taken back."""
    client = asking("admin")
    weak = decided.hit("R-gown", distance=25)
    post = decided.ledger.rows("SELECT post FROM findings WHERE id = ?", [weak])[0]["post"]
    decided.ledger.db.execute("DELETE FROM work WHERE stage = 'find'")
    (proposal,) = client.get("/v1/thresholds").json()
    body = {"element": GOWN, "method": "phash", "threshold": proposal["threshold"]}
    accepted = client.post("/v1/thresholds", json=body)
    due = decided.due()
    changed = decided.ledger.sync(builders.brand())
    decided.judge(post)
    beyond = decided.score(weak)
    limits = queries.known(decided.ledger, now=NOW).franchises[0].elements[0].thresholds
    back = client.post("/v1/thresholds", json=body | {"threshold": None})
    decided.judge(post)

    assert (proposal["advice"], 9 <= proposal["threshold"] < 20) == ("tighten", True)
    assert (accepted.status_code, back.status_code, changed) == (200, 200, False)
    assert (limits, beyond) == ({"phash": proposal["threshold"]}, 0)
    assert post in due
    assert decided.score(weak) > 0.8
    assert client.post("/v1/thresholds", json=body | {"threshold": None}).status_code == 404


def test_verdict_is_the_surest_methods_alone(shop: Shop) -> None:
    """Of two methods that match one file the surer has the verdict; where its threshold drops it, the other."""
    name = shop.reference("gown", element=GOWN)
    both, single = shop.hit(name, Verdict.INFRINGING), shop.hit(name, Verdict.UNRELATED)
    shop.also(both, name, probability=0.6, method="pdq")
    found = {(row.finding, row.method): row.shared for row in references.decided(shop.ledger)}
    tight = replace(only_proposal(), element=GOWN, method="phash", threshold=3, in_force=31)  # the hit's distance is 4
    references.accept(shop.ledger, GOWN, "phash", tight, person="ada", at=NOW)
    after = {(row.finding, row.method): row.shared for row in references.decided(shop.ledger)}

    assert found == {(both, "phash"): False, (both, "pdq"): True, (single, "phash"): False}
    assert after == {(both, "phash"): False, (both, "pdq"): False, (single, "phash"): False}


def only_proposal() -> Proposal:
    """A proposal, of which only the threshold counts."""
    return Proposal(element="", method="", in_force=0, more_is_nearer=False, advice=Advice.TIGHTEN, cases=100)


def test_only_what_is_proposed_can_be_accepted(decided: Shop, asking: Callable[[str], TestClient]) -> None:
    """A number of one's own, another element or another method is refused, and writes nothing."""
    client = asking("admin")
    body = {"element": GOWN, "method": "phash", "threshold": 1}
    told = [
        client.post("/v1/thresholds", json=body | other).status_code
        for other in ({}, {"method": "x"}, {"element": "x"})
    ]

    assert (told, decided.ledger.count("accepted")) == ([404, 404, 404], 0)


# --------------------------------------------------------------------- the page
def test_page_shows_references_and_its_proposals(decided: Shop, asking: Callable[[str], TestClient]) -> None:
    """A manager sees the buttons, a viewer the same facts without them."""
    manager, viewer = (asking(role).get("/references").text for role in ("admin", "viewer"))

    assert "160 confirmed" in manager
    assert re.search(r"at least 9\d\.\d %", manager)
    assert ('data-act="retire"' in manager, 'class="threshold"' in manager, 'type="file"' in manager) == (True,) * 3
    assert ('data-act="retire"' in viewer, 'class="threshold"' in viewer, 'type="file"' in viewer) == (False,) * 3
    assert "160 confirmed" in viewer


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_and_words_stay_text(shop: Shop, asking: Callable[[str], TestClient], name: str) -> None:
    """No file name, reason or address becomes markup, on either list."""
    shop.reference("x", name=name)
    shop.reference("y", name=name)
    references.retire(shop.ledger, "R-y", person="ada", why=name, at=NOW)
    client = asking("admin")
    pages = [client.get("/references", params=params) for params in ({}, {"state": "retired"}, {"franchise": name})]

    assert [page.status_code for page in pages] == [200] * 3
    for page in pages:
        assert ("<script>alert" in page.text, "onerror=alert(1)>" in page.text, "\u202e" in page.text) == (False,) * 3


def test_retiring_at_the_desk_is_audited_and_refused_without_the_right(
    shop: Shop, asking: Callable[[str], TestClient]
) -> None:
    """A reviewer may not; an admin may, once, with the page's token; who did it stands in the audit log."""
    name = shop.reference("logo")
    body = {"reference": name, "why": "a logo"}
    with closing(asking("admin")) as admin:
        told = [
            asking("reviewer").post("/v1/references/retire", json=body).status_code,
            admin.post("/v1/references/retire", json=body, headers={"x-csrf": "wrong"}).status_code,
            admin.post("/v1/references/retire", json=body).status_code,
            admin.post("/v1/references/retire", json=body).status_code,
            admin.post("/v1/references/return", json=body).status_code,
            admin.post("/v1/references/return", json=body).status_code,
        ]

    assert told == [403, 403, 200, 404, 200, 409]
    assert [row["act"] for row in audit.listed(shop.ledger)] == ["reference-return", "reference-retire"]
