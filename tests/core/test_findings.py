"""Scores and reasons."""

import pytest

from core.findings import HIT_SCORE, Hit, Known, finding_id, judge
from core.records import AiLabel, AuthorClass, Bank, Basis, Finding, Post
from tests.builders import FRANCHISE, account, brand, match, post, reference

LABEL = AiLabel(field="digitalSourceType", value="trainedAlgorithmicMedia")


def known(*accounts: AuthorClass) -> Known:
    """The brand of the builders, knowing the author of its posts as given."""
    made = brand(accounts=tuple(account(one) for one in accounts))
    return Known(franchises=made.franchises, generator_tags=frozenset(made.generator_tags), accounts=made.accounts)


def only(given: Post, *hits: Hit, facts: Known | None = None) -> Finding:
    """The one finding of a post."""
    (finding,) = judge(given, hits, facts or known())
    return finding


def hit(distance: int = 4, bank: Bank = Bank.POSITIVE, letter: str = "b") -> Hit:
    """A match with a reference of a bank."""
    of = reference(letter * 64, bank=bank)
    return Hit(match=match(of=of, distance=distance), reference=of)


def test_hash_match_is_a_copy_with_frame_pair_time_distance_and_threshold() -> None:
    """A copy's reason names what a person needs to check it."""
    finding = only(post(), hit(distance=4))

    assert finding.basis is Basis.COPY
    assert finding.score >= 0.9
    assert finding.reasons[0].sentence.startswith(
        "Frame 00:02.0 equals “trailer.mp4” at 00:12.0: 4 of 40 bits allowed (phash); 00:00.0–00:05.0 shows it"
    )


def test_nearer_match_scores_higher() -> None:
    """The score falls as the distance grows, and a match at the threshold still stands on the list."""
    scores = [only(post(), hit(distance=distance)).score for distance in (0, 10, 20, 40)]

    assert scores == sorted(scores, reverse=True)
    assert scores[-1] >= HIT_SCORE


def test_words_alone_are_no_hit() -> None:
    """Fans name a title all day."""
    finding = only(post(text="I love Lanterns of Avelore", hashtags=("lanternsofavelore",)))

    assert (finding.basis, finding.score < HIT_SCORE) == (Basis.SUGGESTION, True)


@pytest.mark.parametrize(
    "evidence",
    [{"hashtags": ("lanternsofavelore", "seedance")}, {"hashtags": ("lanternsofavelore",), "ai_label": LABEL}],
)
def test_words_with_ai_evidence_suggest(evidence: dict[str, object]) -> None:
    """A title together with a generator's tag or a platform's label is for a person to look at."""
    finding = only(post(**evidence))

    assert finding.basis is Basis.SUGGESTION
    assert HIT_SCORE <= finding.score < 0.8


def test_ai_evidence_without_the_title_is_nothing() -> None:
    """A generated clip of something else is no finding."""
    assert judge(post(hashtags=("seedance",), ai_label=LABEL), (), known()) == ()


def test_respondents_own_account_that_names_the_title_is_a_hit() -> None:
    """What the vendor itself posts under the title comes first."""
    finding = only(post(text="Lanterns of Avelore"), facts=known(AuthorClass.RESPONDENT_OFFICIAL))

    assert finding.score >= HIT_SCORE


@pytest.mark.parametrize("bank", [Bank.LICENSED, Bank.NEGATIVE])
def test_nearer_excuse_silences_a_copy(bank: Bank) -> None:
    """A licensed or negative reference that explains the clip as well as the official one takes it off the list."""
    finding = only(post(), hit(distance=6), hit(distance=6, bank=bank, letter="c"))

    assert finding.score < HIT_SCORE
    assert finding.reasons[0].sentence.startswith("Explained by")


def test_farther_excuse_silences_nothing() -> None:
    """A negative reference that fits worse than the official one does not hide a copy."""
    finding = only(post(), hit(distance=2), hit(distance=30, bank=Bank.NEGATIVE, letter="c"))

    assert finding.score >= HIT_SCORE


def test_element_comes_from_the_nearest_reference_or_the_words() -> None:
    """A finding names the protected element as soon as anything does."""
    finding = only(post(text="The Moonlit Gown of Lanterns of Avelore"))

    assert finding.element == f"{FRANCHISE}/gown"


def test_account_class_is_told_whatever_the_case_of_the_handle() -> None:
    """@Someone@Site.Example is someone@site.example."""
    facts = known(AuthorClass.LICENSED)

    assert facts.class_of("mastodon", "@Someone@SITE.example") is AuthorClass.LICENSED
    assert facts.class_of("peertube", "someone@site.example") is AuthorClass.UNKNOWN


def test_finding_id_depends_on_what_it_is_about_only() -> None:
    """The same post and franchise are the same finding for ever; others are others."""
    assert finding_id("mastodon:a", "b/c") == finding_id("mastodon:a", "b/c") != finding_id("mastodon:a", "b/d")
