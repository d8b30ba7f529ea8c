"""What changes in a platform's answers is told by name within two cycles; what does not change is never told."""

import json
from collections.abc import Callable

import pytest

from core.drift import FORGET_DAYS, Cluster, Learned, learn
from core.shapes import shape_of
from tests.core.feeds import OPTIONAL, Feed, Item, watched

LEARNING = 12  # cycles


def feeds(seed: int, *, a_cycle: int = 6) -> list[Feed]:
    """Two feeds of one platform."""
    return [Feed(f"feed{number}", seed + number, a_cycle=a_cycle) for number in range(2)]


def rename(at: Callable[[Item], list[Item]], old: str, new: str) -> Callable[[Item], None]:
    """A platform's change of a name."""

    def change(item: Item) -> None:
        for holder in at(item):
            if old in holder:
                holder[new] = holder.pop(old)

    return change


def of_item(item: Item) -> list[Item]:
    """The item itself."""
    return [item]


def of_media(item: Item) -> list[Item]:
    """The item's media."""
    return list(item["media"])


def drop_uri(item: Item) -> None:
    """A required field goes."""
    del item["uri"]


def count_in_words(item: Item) -> None:
    """A number becomes a string."""
    item["likes"] = str(item["likes"])


def empty_uri(item: Item) -> None:
    """A required field is null from now on."""
    item["uri"] = None


CHANGES = {
    "[].uri vanished": ("vanished", drop_uri),
    "[].uri vanished;": ("vanished", empty_uri),
    "[].media[].url vanished; [].media[].play_url appeared beside it": (
        "renamed",
        rename(of_media, "url", "play_url"),
    ),
    "[].account vanished; [].author appeared beside it": ("renamed", rename(of_item, "account", "author")),
    "[].likes was a number, is now a string": ("retyped", count_in_words),
}


@pytest.mark.parametrize("words", CHANGES)
def test_change_is_named_within_two_cycles(words: str) -> None:
    """A field that went, was renamed, or changed its type is told by its name, and goes on being told."""
    kind, change = CHANGES[words]
    mine = feeds(1)
    learned, before = watched(*mine, cycles=LEARNING)
    _, told = watched(*mine, cycles=3, change=change, learned=learned)

    assert set().union(*before) == set()
    assert (kind, words.strip(";")) in told[1]
    assert told[1] <= told[2]


def test_label_that_falls_is_told_by_what_was_and_is() -> None:
    """The AI label that half of the posts carried is gone from new ones: told once the new ones prove it."""
    mine = feeds(1, a_cycle=20)
    for feed in mine:
        feed.start_anew(label=0.6)
    learned, _ = watched(*mine, cycles=LEARNING * 2)
    _, told = watched(*mine, cycles=8, change=lambda item: item.pop("ai_info", None), learned=learned)
    kinds = {alert for cycle in told for alert in cycle if "[].ai_info" in alert[1] and "quote" not in alert[1]}

    assert len(kinds) == 1
    assert next(iter(kinds))[1].startswith("[].ai_info is carried by fewer:")
    assert next(iter(kinds))[1].endswith("now 0%")


@pytest.mark.parametrize("seed", [5, 6, 7])
def test_hundred_clean_cycles_alert_nobody(seed: int) -> None:
    """Feeds that differ, in moods that last, with pages that overlap: no word of change."""
    _, told = watched(*feeds(seed), Feed("third", seed, a_cycle=1), cycles=100)

    assert set().union(*told) == set()


def test_new_account_with_other_habits_is_no_change() -> None:
    """A watch that is new first teaches: its posts without media are no fall, and its words are no news."""
    mine = feeds(1)
    learned, _ = watched(*mine, cycles=LEARNING)
    bare = Feed("bare", 3, a_cycle=3)
    bare.start_anew(**dict.fromkeys(OPTIONAL, 0.0))
    _, told = watched(bare, cycles=10, learned=learned)

    assert set().union(*told) == set()


def test_new_word_of_a_closed_set_is_told_once() -> None:
    """A third type of media after some hundred posts with two; then it is known."""
    mine = feeds(1, a_cycle=20)
    learned, _ = watched(*mine, cycles=40)

    def hologram(item: Item) -> None:
        for media in item["media"]:
            media["type"] = "hologram" if media["type"] == "image" else "video"

    _, told = watched(*mine, cycles=2, change=hologram, learned=learned)

    assert ("value", "[].media[].type has a new value, hologram, beside image, video") in told[0]
    assert not told[1]


def test_what_is_back_is_no_longer_told() -> None:
    """The alert ends with the fault, and the fault has taught nothing."""
    mine = feeds(1)
    learned, _ = watched(*mine, cycles=LEARNING)
    share = learned.keys["[].uri string"].all.share
    watched(*mine, cycles=5, change=drop_uri, learned=learned)
    _, told = watched(*mine, cycles=2, learned=learned)

    assert told[0] == set()
    assert learned.keys["[].uri string"].all.share == share == 1.0


def test_what_stays_gone_becomes_normal() -> None:
    """After a week nobody needs to be told any more."""
    mine = feeds(1)
    learned, _ = watched(*mine, cycles=LEARNING)
    _, told = watched(*mine, cycles=int(FORGET_DAYS * 24) + 5, change=drop_uri, learned=learned)

    assert told[3]
    assert not told[-1]


def test_answer_the_spider_could_not_read_is_named_at_once() -> None:
    """Where reading broke, one answer is enough to say what is called otherwise now."""
    mine = feeds(1)[:1]
    learned, _ = watched(*mine, cycles=6)
    items, _ = mine[0].page()
    for item in items:
        item["link"] = item.pop("uri")
    broken = Cluster(watch=mine[0].name, shape=shape_of(items), new=0.0, broken=True)
    told = [alert.told for alert in learn(learned, [broken], days=1.0)]

    assert told == ["[].uri vanished; [].link appeared beside it"]


def test_what_was_learned_survives_being_stored() -> None:
    """As JSON and back, it judges the same."""
    mine = feeds(1)
    learned, _ = watched(*mine, cycles=LEARNING)
    restored = Learned.of(json.loads(json.dumps(learned.plain())))
    _, told = watched(*mine, cycles=2, change=drop_uri, learned=restored)

    assert restored.plain() == Learned.of(restored.plain()).plain()
    assert ("vanished", "[].uri vanished") in told[1]
