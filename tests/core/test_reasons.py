"""The sentences behind a finding: they say what was measured, and no more."""

import pytest

from core.reasons import STARTS_FROM, match_reason
from core.records import Basis
from tests.builders import match, reference, segment

STILL = reference(kind="image", name="gown.png")


def test_features_tell_where_in_the_picture() -> None:
    """A picture in a picture is told with its place; more points are nearer."""
    part = segment(best_distance=31, query_outline=(0.1, 0.1, 0.4, 0.1, 0.4, 0.4, 0.1, 0.4), mirrored=True)
    found = match(
        of=STILL, distance=80, threshold=8, unit="cells", method="local", segments=(part,), more_is_nearer=True
    )
    sentence = match_reason(found, STILL).sentence

    assert "shows “gown.png” (mirrored, in 10%–40% of the width, 10%–40% of the height): 80 cells" in sentence


@pytest.mark.parametrize(("duration_s", "kind"), [(8.0, "start"), (None, "phash"), (1.2, "phash")])
def test_still_in_the_first_second_only_is_a_start(duration_s: float | None, kind: str) -> None:
    """A longer clip that leaves an official still at once starts from it; a picture or a short clip equals it."""
    part = segment(query_start_s=0.0, query_end_s=0.75, best_query_s=0.0)
    told = match_reason(match(of=STILL, segments=(part,)), STILL, duration_s=duration_s)

    assert (told.kind, told.weight == STARTS_FROM) == (kind, kind == "start")


def test_sound_alone_stays_below_a_hit() -> None:
    """A tune is used by thousands: it suggests, however exactly it agrees."""
    part = segment(region="sound", best_distance=3)
    told = match_reason(match(of=STILL, segments=(part,), method="sound", basis=Basis.SUGGESTION), STILL)

    assert (told.kind, told.weight < 0.5) == ("sound", True)


def test_likeness_is_told_as_one() -> None:
    """What a model finds alike "looks like"; it never "equals"."""
    found = match(of=STILL, method="embedding", unit="‰ of cosine distance", basis=Basis.SUGGESTION)
    told = match_reason(found, STILL)

    assert (told.kind, "looks like" in told.sentence, "equals" in told.sentence) == ("likeness", True, False)
