"""No page of the desk keeps anybody out: axe-core finds no serious barrier, by day and by night, in any state."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

from tests.review.views import Shown, shown

pytestmark = pytest.mark.browser
ALL: dict[str, Any] = {"resultTypes": ["violations"]}
COLOURS = ALL | {"runOnly": ["cat.color"]}  # all that another scheme changes


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """A desk with something on each page."""
    with shown(tmp_path_factory.mktemp("axe")) as served:
        yield served


def barriers(page: Page, options: dict[str, Any]) -> list[str]:
    """What axe, which is in the page, calls serious or critical."""
    found = page.evaluate("(options) => axe.run(document, options)", options)
    assert found["violations"] or found["passes"], "axe has looked at nothing"
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:200]}: {node['failureSummary'][:300]}"
        for one in found["violations"]
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]


def test_barriers_are_seen(desk: Shown) -> None:
    """A picture without words, a field without a name, grey on grey: or finding none would say nothing."""
    page = desk.context(signed_in=False).new_page()
    page.goto("/sign-in")
    page.evaluate(
        "document.querySelector('main').innerHTML = '<img src=\"/static/mark.svg\"><input><p class=grey>grey</p>';"
        "document.querySelector('.grey').style.color = '#999'"
    )
    page.evaluate(AXE_SCRIPT)
    found = [one.split()[0] for one in barriers(page, ALL)]

    assert sorted(found) == ["color-contrast", "image-alt", "label"]


def test_no_page_keeps_anybody_out(desk: Shown) -> None:
    """Every page of the route table, with forms, overlay and clip open; signed in, and the sign-in as nobody."""
    found = set()
    for what, page in desk.walk(color_scheme="light", viewport={"width": 1280, "height": 800}):
        page.evaluate(
            AXE_SCRIPT
        )  # from outside: the page's content policy lets no script in that is not a file of ours
        found |= {f"{what}: {one}" for one in barriers(page, ALL)}
        page.emulate_media(color_scheme="dark")
        found |= {f"{what}, dark: {one}" for one in barriers(page, COLOURS)}
        page.emulate_media(color_scheme="light")

    assert "\n".join(sorted(found)) == ""
