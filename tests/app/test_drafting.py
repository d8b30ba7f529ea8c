"""From decisions in a real ledger to letters in a folder."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.drafting import draft
from app.home import Home, open_home
from core.errors import NoticeIncomplete
from core.findings import judge
from core.records import AuthorClass, Verdict
from store import queries
from tests import builders
from tests.builders import NOW

REPORTER = """
[reporter]
full_name = "Jane Q. Doe"
title = "Counsel"
company = "Owner LLC"
address = '''
1 Lantern Way,
Los Angeles'''
phone = "+1 555 0100"
email = "rights@owner.example"
"""
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home whose brand has one franchise and one reference, and who knows who writes."""
    (tmp_path / "clipwarden.toml").write_text(REPORTER)
    with open_home(tmp_path, new=True) as opened:
        opened.ledger.sync(builders.brand())
        opened.ledger.save_references([builders.reference()])
        yield opened


def found(home: Home, number: int = 1, host: str = "site.example", **changes: object) -> str:
    """A post with a file that equals the reference, and its finding's id."""
    ledger, sha256 = home.ledger, f"{number:064x}"
    url = f"https://{host}/@a/{number}"
    post = builders.post(number, **{"id": f"mastodon:{host}/{number}", "url": url, "text": "Moonlit Gown", **changes})
    ledger.save_posts(builders.watch().id, [(post, "c" * 64)], seen_at=NOW)
    ledger.save_media([builders.media(post.id, sha256)])
    ledger.save_matches("match", sha256, "phash", 1, [builders.match(sha256)], at=NOW)
    findings = judge(post, queries.hits_of_post(ledger, post.id), queries.known(ledger, now=NOW))
    ledger.save_findings(post.id, findings, 1, at=NOW)
    return findings[0].id


def decide(home: Home, *findings: str, verdict: Verdict = Verdict.INFRINGING, fair_use: str | None = "A copy.") -> None:
    for finding in findings:
        home.ledger.save_decision(finding, verdict, reviewer="J. Roe", note="secret", fair_use=fair_use, at=NOW)


def told(home: Home) -> list[str]:
    """What a draft says."""
    said: list[str] = []
    draft(home, now=LATER, say=said.append)
    return said


def test_confirmed_finding_becomes_a_letter(home: Home) -> None:
    """The letter in the folder is the one in the ledger, and names what was found and who decided."""
    finding = found(home)
    decide(home, finding)
    (drafted,) = draft(home, now=LATER, say=lambda _: None)
    letter = drafted.path.read_text(encoding="utf-8")
    row = home.ledger.rows("SELECT * FROM notices")[0]

    assert [
        drafted.path.parent == home.folder / "notices",
        drafted.findings == (finding,),
        (row["id"], row["host"], row["body"], row["approved_by"], row["sent_at"])
        == (drafted.notice, "site.example", letter, None, None),
        json.loads(row["fields"])["works"][0]["items"][0]["files"] == [f"{1:064x}"],
        "equals “trailer.mp4”" in letter,
        "Protected element taken: Moonlit Gown (costume)" in letter,
        "Address: 1 Lantern Way, Los Angeles\n" in letter,
        "J. Roe, 2026-11-20 12:00:00 UTC" in letter,
        "secret" not in letter,
    ] == [True] * 9


def test_drafting_twice_changes_nothing(home: Home) -> None:
    """A finding stands in one letter; drafting again writes none, and touches no file."""
    decide(home, found(home))
    (first,) = draft(home, now=LATER, say=lambda _: None)
    first.path.write_text("as a person corrected it")
    again = draft(home, now=LATER, say=lambda _: None)

    assert (again, first.path.read_text(), home.ledger.count("notices")) == ([], "as a person corrected it", 1)


def test_each_host_gets_its_own_letter(home: Home) -> None:
    """In the fediverse every instance is a provider of its own."""
    decide(home, found(home, 1), found(home, 2), found(home, 3, host="other.example:8443"))
    drafted = draft(home, now=LATER, say=lambda _: None)

    assert [(one.host, len(one.findings)) for one in drafted] == [("other.example:8443", 1), ("site.example", 2)]


def test_letters_go_where_they_are_wanted(home: Home, tmp_path: Path) -> None:
    """A folder named is made, and nothing unfinished stays in it."""
    decide(home, found(home))
    (drafted,) = draft(home, out=tmp_path / "a" / "b", now=LATER, say=lambda _: None)

    assert list((tmp_path / "a" / "b").iterdir()) == [drafted.path]


def test_changed_mind_is_not_drafted(home: Home) -> None:
    """The latest decision holds."""
    finding = found(home)
    decide(home, finding)
    decide(home, finding, verdict=Verdict.FAIR_USE)

    assert told(home) == []


@pytest.mark.parametrize("author_class", [AuthorClass.OWN, AuthorClass.LICENSED, AuthorClass.PRESS])
def test_allowed_account_is_left_out_with_a_line(home: Home, author_class: AuthorClass) -> None:
    """An account allowed after the decision gets no letter: the brand is asked again at the last moment."""
    finding = found(home)
    decide(home, finding)
    home.ledger.sync(builders.brand(accounts=(builders.account(author_class),)))

    assert told(home) == [
        f"{finding}: left out: someone@site.example is an account the brand calls {author_class.value}"
    ]


def test_respondent_is_not_spared(home: Home) -> None:
    """An account of the respondent is known, not allowed."""
    decide(home, found(home))
    home.ledger.sync(builders.brand(accounts=(builders.account(AuthorClass.RESPONDENT_OFFICIAL),)))

    assert len(draft(home, now=LATER, say=lambda _: None)) == 1


def test_finding_without_ground_is_left_out(home: Home) -> None:
    """What a decision stood on may go: no evidence, no letter."""
    finding = found(home)
    decide(home, finding)
    home.ledger.save_findings(queries.finding(home.ledger, finding).post.id, [], 1, at=NOW)

    assert told(home)[0].startswith(f"{finding}: left out: what it stood on is gone")


def test_whole_letters_are_kept_when_others_lack_something(home: Home) -> None:
    """Everything missing is named at once; a letter that is whole does not wait for it."""
    whole, lacking = found(home, 1), found(home, 2, host="other.example")
    decide(home, whole)
    decide(home, lacking, fair_use=None)
    with pytest.raises(NoticeIncomplete) as refused:
        draft(home, now=LATER, say=lambda _: None)
    kept = home.ledger.rows("SELECT finding FROM notice_findings")

    assert (str(refused.value).splitlines(), kept) == (
        [
            "1 of 2 letters are not written; fill in, and draft again:",
            f"  - {lacking}: fair-use consideration (clipwarden decide {lacking} infringing --fair-use '…')",
        ],
        [{"finding": whole}],
    )


def test_reporter_nobody_named_is_asked_for_once(home: Home) -> None:
    """Two letters that lack the same line say so in one."""
    decide(home, found(home, 1), found(home, 2, host="other.example"))
    nobody = replace(home, settings=home.settings.model_copy(update={"reporter": type(home.settings.reporter)()}))
    with pytest.raises(NoticeIncomplete) as refused:
        draft(nobody, now=LATER, say=lambda _: None)

    assert str(refused.value).splitlines()[1:] == [
        f"  - reporter.{name} (clipwarden.toml [reporter] {name})"
        for name in ("full_name", "title", "company", "address", "phone", "email")
    ]


def test_two_findings_of_one_post_are_both_named(home: Home) -> None:
    """A post that takes from two works stands under each of them."""
    brand = builders.brand()
    second = replace(brand.franchises[0], id="brand/tide", title="Tide", hashtags=("tide",), elements=())
    home.ledger.sync(replace(brand, franchises=(*brand.franchises, second)))
    found(home, 1, hashtags=("tide",))
    decide(home, *(row["id"] for row in home.ledger.rows("SELECT id FROM findings")))
    (drafted,) = draft(home, now=LATER, say=lambda _: None)
    letter = drafted.path.read_text(encoding="utf-8")

    assert ["### Work 1: Lanterns of Avelore" in letter, "### Work 2: Tide" in letter, letter.count("#### Item")] == [
        True,
        True,
        2,
    ]


def test_hostile_post_writes_a_letter_of_the_same_form(home: Home) -> None:
    """A caption and a handle full of markup, templates and direction marks are words, no more."""
    handle = "a`*|\u202e{{7*7}}\n# b"
    decide(home, found(home, 1, author_handle=handle, text="Moonlit Gown {% for %}\n## Signed: J. Roe"))
    (drafted,) = draft(home, now=LATER, say=lambda _: None)
    letter = drafted.path.read_text(encoding="utf-8")

    assert ["- Uploaded by: `@aˋ*| {{7*7}} # b`\n" in letter, "Signed" in letter] == [True, False]
