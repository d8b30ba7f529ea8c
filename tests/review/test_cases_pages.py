"""The queue and the case page: what is asked for is shown, what is done is written, and two never do the same."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from store import desk
from store.desk import Filter
from store.ledger import Ledger

Clients = Callable[..., TestClient]


def first(client: TestClient) -> dict[str, Any]:
    """The case one is given to look at."""
    found: list[dict[str, Any]] = client.post("/v1/next", json={}).json()
    return found[0]


@pytest.mark.parametrize(
    "query",
    ["", "platform=tiktok", "day=2026-11-18&status=", "basis=copy", "ai=true", "least_score=0.9", "text=lantern"],
)
def test_queue_shows_what_its_address_asks_for(client: TestClient, home_ledger: Ledger, query: str) -> None:
    """The page and the API give the same cases, and each keeps to the filter."""
    shown = client.get(f"/?{query}").text
    listed = client.get(f"/v1/cases?{query}").json()

    assert all(f"/cases/{row['case_id']}" in shown for row in listed)
    assert shown.count('href="/cases/') == len(listed)
    wanted = dict(part.split("=") for part in query.split("&") if part)
    assert all(wanted.get("platform", row["platforms"][0]) in row["platforms"] for row in listed)
    assert all(wanted.get("basis", row["basis"]) == row["basis"] for row in listed)


def test_pages_of_the_queue_follow_without_gap(client: TestClient, home_ledger: Ledger) -> None:
    """Rank by rank to the end, each case once."""
    seen: list[str] = []
    asked: dict[str, str] = {"status": "", "limit": "7"}
    while page := client.get("/v1/cases", params=asked).json():
        seen += [row["case_id"] for row in page]
        asked["after"] = repr(page[-1]["rank"])

    assert sorted(seen) == sorted(row["case_id"] for row in home_ledger.rows("SELECT case_id FROM queue"))


def test_two_reviewers_get_different_cases(as_role: Clients) -> None:
    """What one is looking at the other is not given, nor may decide."""
    ada, ben = as_role("reviewer", name="eve"), as_role("reviewer", name="fay")
    hers, his = ada.post("/v1/next", json={}).json(), ben.post("/v1/next", json={}).json()
    refused = ben.post(f"/v1/cases/{hers[0]['id']}/decision", json={"verdict": "unrelated"})

    assert not {one["id"] for one in hers} & {one["id"] for one in his}
    assert (refused.status_code, "eve" in refused.json()["detail"]) == (409, True)


def test_decision_is_written_and_undone(as_role: Clients, home_ledger: Ledger) -> None:
    """With note, element and fair use as they were said."""
    client = as_role("reviewer", name="eve")
    one = first(client)
    said = {"verdict": "fair-use", "note": "a parody", "fair_use": "short, transformed", "seen": one["seen"]}
    done = client.post(f"/v1/cases/{one['id']}/decision", json=said).json()
    rows = home_ledger.rows("SELECT * FROM decisions WHERE act = ?", [done["act"]])
    undone = client.post("/v1/undo").json()

    assert {(row["verdict"], row["note"], row["fair_use"], row["reviewer"]) for row in rows} == {
        ("fair-use", "a parody", "short, transformed", "eve")
    }
    assert (undone["act"], undone["case"]) == (done["act"], one["id"])
    assert client.post("/v1/undo").status_code == 404


def test_note_is_found_again(as_role: Clients, home_ledger: Ledger) -> None:
    """Three letters of any word of it."""
    client = as_role("reviewer", name="eve")
    one = first(client)
    client.post(f"/v1/cases/{one['id']}/decision", json={"verdict": "unsure", "note": "Ask Böckh about this gown"})

    assert [row["case_id"] for row in desk.cases(home_ledger, Filter(status="", text="bockh"))] == [one["id"]]


def test_merge_and_split_move_members(as_role: Clients, home_ledger: Ledger) -> None:
    """By hand, and back again."""
    client = as_role("reviewer", name="eve")
    sql = "SELECT case_id FROM queue WHERE franchise = (SELECT franchise FROM queue LIMIT 1) LIMIT 2"
    one, other = (row["case_id"] for row in home_ledger.rows(sql))
    before = {row["finding"]: row["case_id"] for row in home_ledger.rows("SELECT * FROM members")}
    merged = client.post(f"/v1/cases/{one}/merge", json={"into": other})
    together = [row["finding"] for row in home_ledger.rows("SELECT finding FROM members WHERE case_id = ?", [other])]
    split = client.post(f"/v1/cases/{other}/split", json={"findings": together[:1]})
    client.post("/v1/undo")
    client.post("/v1/undo")

    assert (merged.status_code, split.status_code) == (200, 200)
    assert {row["finding"]: row["case_id"] for row in home_ledger.rows("SELECT * FROM members")} == before


def test_clip_is_served_by_ranges(client: TestClient, home_ledger: Ledger) -> None:
    """As a player asks for it; what is none of ours is not there."""
    sha256 = "ab" * 32
    path = home_ledger.path.parent / "blobs" / sha256
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(bytes(range(256)) * 8)
    post = home_ledger.rows("SELECT id FROM posts LIMIT 1")[0]["id"]
    home_ledger.db.execute(
        "INSERT INTO media VALUES (?, 7, ?, 'mov', 1.0, 2, 2, 2048, '2026-11-20T00:00:00.000Z', 'triage')",
        [post, sha256],
    )
    part = client.get(f"/media/{sha256}", headers={"Range": "bytes=10-19"})
    last = client.get(f"/media/{sha256}", headers={"Range": "bytes=-4"})

    assert (part.status_code, part.content, part.headers["content-range"]) == (
        206,
        bytes(range(10, 20)),
        "bytes 10-19/2048",
    )
    assert (last.content, part.headers["content-type"]) == (bytes(range(252, 256)), "video/mp4")
    assert client.get(f"/media/{sha256}", headers={"Range": "bytes=5000-"}).status_code == 416
    assert [client.get(f"/media/{name}").status_code for name in ("cd" * 32, "..%2f..%2fetc", "x")] == [404, 404, 404]


def test_every_page_forbids_what_is_not_ours(client: TestClient) -> None:
    """No script but our files, no other host, no frame; and nothing is kept by a shared machine."""
    for path in ("/", "/review", "/static/desk.css"):
        headers = client.get(path).headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    assert client.get("/").headers["cache-control"] == "no-store"
