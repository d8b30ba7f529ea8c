"""The desk at 200 %: a window of 1280x800 then shows 640x400, and everything is still there and can be reached."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.review.views import Shown, shown, until

pytestmark = pytest.mark.browser
ZOOMED: dict[str, Any] = {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2}
# What cannot be seen or reached: a page wider than its window, a control beside it or under another one, text cut off.
LOOK = """() => {
  const wrong = [], page = document.scrollingElement, seen = (one) => one.checkVisibility({ visibilityProperty: true });
  const own = (one) => one.closest('.scrolls, .wide'); // a table scrolls in its own box
  const words = (one) => one.textContent.trim() || one.getAttribute('aria-label') || one.name;
  const named = (one) => `${one.localName} ${words(one).slice(0, 40)}`;
  if (page.scrollWidth > innerWidth) wrong.push(`the page is ${page.scrollWidth} px wide`);
  const box = (one) => one.getBoundingClientRect();
  const open = document.querySelector('dialog[open], #note:not([hidden])') ?? document;
  const controls = [...open.querySelectorAll('a[href], button, input, select, textarea, summary')]
    .filter((one) => seen(one) && !one.matches('.skip') && !own(one));
  for (const one of controls) {
    const { left, right, width, height } = box(one);
    if (left < 0 || right > innerWidth || !width || !height) wrong.push(`${named(one)}: from ${left} to ${right} px`);
  }
  for (const [number, one] of controls.entries()) for (const other of controls.slice(number + 1)) {
    const a = box(one), b = box(other), { min, max } = Math;
    const x = min(a.right, b.right) - max(a.left, b.left), y = min(a.bottom, b.bottom) - max(a.top, b.top);
    if (x > 1 && y > 1 && !one.contains(other)) wrong.push(`${named(one)} and ${named(other)} overlap`);
  }
  for (const one of document.body.querySelectorAll('*')) {
    const cuts = /hidden|clip/.test(getComputedStyle(one).overflowX) && one.scrollWidth > one.clientWidth + 1;
    const texts = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (cuts && texts && seen(one) && !one.matches('.unseen, .unseen *, option, svg *'))
      wrong.push(`${named(one)}: cut off`);
  }
  return wrong;
}"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """A desk with something on each page."""
    with shown(tmp_path_factory.mktemp("zoom")) as served:
        yield served


def test_what_is_lost_is_seen(desk: Shown) -> None:
    """A wide line, a button on another, text in too small a box: or finding none would say nothing."""
    page = desk.context(signed_in=False, **ZOOMED).new_page()
    page.goto("/sign-in")
    page.evaluate(
        "const made = '<button>one</button><button>two</button><p>' + 'W'.repeat(90) + '</p><div>cut off here</div>';"
        "const main = document.querySelector('main'); main.innerHTML = made;"
        "main.children[1].style.marginLeft = '-20px';"
        "Object.assign(main.children[3].style, { width: '20px', overflow: 'hidden', whiteSpace: 'nowrap' })"
    )
    found = page.evaluate(LOOK)

    assert [any(word in one for one in found) for word in ("px wide", "overlap", "cut off")] == [True] * 3


def test_every_page_fits(desk: Shown) -> None:
    """No page scrolls sideways, no control lies outside or under another, no text is cut, whatever is open."""
    found = {f"{what}: {one}" for what, page in desk.walk(**ZOOMED) for one in page.evaluate(LOOK)}

    assert "\n".join(sorted(found)) == ""


def test_one_key_decides_and_a_button_too(desk: Shown) -> None:
    """Zoomed in, a case is decided by its key, and the next one by the button at the page's end."""
    page = desk.context(**ZOOMED).new_page()
    page.goto("/review")
    until(page, "painted")
    page.keyboard.press("y")
    until(page, "decided", 1)
    until(page, "painted", 2)
    page.locator("#buttons [data-act=unrelated]").click()
    until(page, "decided", 2)

    assert page.locator("#told").inner_text().endswith("unrelated")
