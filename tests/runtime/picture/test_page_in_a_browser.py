"""The page as people see it, in a real Chromium."""

from pathlib import Path

import pytest
import pytest_asyncio
from dependency_injector import containers, providers

from iacs.containers import ApplicationContainer
from iacs.runtime.graph.graph import read_graph
from iacs.runtime.picture import Picture, PictureEdge, PictureNode, picture_of
from iacs.runtime.picture.page import page
from tests.fixtures.browser import Tab
from tests.fixtures.shop import Cache

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIT = "[...document.querySelectorAll('.part.{0}')].map(part => part.getAttribute('aria-label').split(',')[0]).sort()"


def box(path: str) -> str:
    return f'[aria-label^="{path},"]'


@pytest_asyncio.fixture(loop_scope="module")
async def tab(browser: Tab, tmp_path: Path) -> Tab:
    file = tmp_path / "graph.html"
    file.write_text(page(picture_of(read_graph(ApplicationContainer()))), encoding="utf-8")
    await browser.open(file)
    return browser


async def lit(tab: Tab, name: str) -> list[str]:
    paths: list[str] = await tab.run(LIT.format(name))
    return paths


async def test_pointing_at_a_part_lights_what_it_needs_and_what_needs_it(tab: Tab) -> None:
    await tab.hover(box("core.token_service"))
    await tab.until("document.querySelector('#drawing.lit') !== null")
    assert await lit(tab, "on") == ["core.token_service"]
    assert await lit(tab, "users") == ["account_tokens", "auth.pages", "auth.service", "mail_query.service"]
    assert await lit(tab, "needs.near") == [
        *("core.database", "core.encryption", "core.grants", "core.logger", "core.oauth_client")
    ]
    assert await lit(tab, "needs.far") == ["core.config", "core.http_client", "core.key_provider"]
    lines = "['.needs.near', '.users.near', '.needs:not(.near)'].map(each => document.querySelectorAll('.line' + each).length)"
    assert await tab.run(lines) == [5, 3, 8]
    await tab.mouse("mouseMoved", 3, 790)
    await tab.until("document.querySelector('#drawing.lit') === null")
    assert tab.problems == []


async def test_a_click_pins_a_part_and_shows_its_details(tab: Tab) -> None:
    await tab.click(box("core.logger"))
    await tab.until("document.querySelector('#panel h2').textContent === 'core.logger'")
    text = await tab.run("document.querySelector('#panel').innerText")
    for word in ("create_logger", "CoreContainer", "log_level", "core.config", "account.service"):
        assert word in text
    await tab.mouse("mouseMoved", 3, 790)
    assert await lit(tab, "on") == ["core.logger"]
    await tab.run("document.querySelector('#panel a[data-to]').click()")
    await tab.until("document.querySelector('#panel h2').textContent === 'core.config'")
    await tab.run("history.back()")
    await tab.until("document.querySelector('#panel h2').textContent === 'core.logger'")
    await tab.press("Escape")
    await tab.until("document.querySelector('#panel h2').textContent === 'ApplicationContainer'")
    assert tab.problems == []


async def test_a_search_finds_parts_by_path_class_and_setting(tab: Tab) -> None:
    await tab.press("/")
    for word, matching in (
        ("OAuthCl", ["core.oauth_client"]),
        ("graph_page_size", ["mail_query.service"]),
        ("core http", ["core.http_client"]),
        ("nonsense", []),
    ):
        await tab.run("search.select()")
        await tab.write(word)
        await tab.until(f"document.querySelector('#count').textContent.startsWith('{len(matching)} part')")
        assert await lit(tab, "match") == matching
    await tab.run("search.select()")
    await tab.write("core.encryption")
    await tab.press("Enter")
    await tab.until("document.querySelector('#panel h2').textContent === 'core.encryption'")
    assert tab.problems == []


async def test_everything_can_be_done_with_the_keyboard(tab: Tab) -> None:
    await tab.run(f"document.querySelector('{box('auth.service')}').focus()")
    await tab.press("ArrowRight")
    assert await tab.run("document.activeElement.getAttribute('aria-label').split(',')[0]") == "core.database"
    await tab.press("ArrowLeft")
    await tab.press("ArrowDown")
    assert await tab.run("document.activeElement.dataset.part !== undefined")
    await tab.press("Enter")
    await tab.until("document.activeElement.getAttribute('aria-pressed') === 'true'")


OVERLAPS = """
(() => {
  const boxes = [...document.querySelectorAll('.part .box')].map(box => box.getBoundingClientRect());
  const apart = (a, b) => a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
  const touching = boxes.some((a, i) => boxes.some((b, j) => i < j && !apart(a, b)));
  const wide = [...document.querySelectorAll('.part')].filter(part => {
    const box = part.querySelector('.box').getBoundingClientRect();
    return [...part.querySelectorAll('text')].some(text => text.getBoundingClientRect().right > box.right);
  }).map(part => part.textContent);
  const lines = [...document.querySelectorAll('.part')].filter(part => {
    const [name, kind] = [...part.querySelectorAll('text')].map(text => text.getBoundingClientRect());
    return name.bottom > kind.top + 2;
  }).length;
  return {touching, wide, lines, aside: document.documentElement.scrollWidth > innerWidth};
})()
"""


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (900, 700), (360, 740)])
@pytest.mark.parametrize("dark", [False, True])
async def test_no_text_overlaps_at_any_size(
    tab: Tab, tmp_path: Path, width: int, height: int, dark: bool
) -> None:
    await tab.open(tmp_path / "graph.html", width=width, height=height, dark=dark)
    assert await tab.run(OVERLAPS) == {"touching": False, "wide": [], "lines": 0, "aside": False}
    back, text = await tab.run(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
        ".map(color => color.match(/\\d+/g).slice(0, 3).reduce((sum, each) => sum + Number(each), 0))"
    )
    assert (back < text) is dark
    assert abs(back - text) > 450


async def test_hostile_names_stay_text(browser: Tab, tmp_path: Path) -> None:
    bad = "</script><img src=x onerror=window.hit=1><b>'\"&{{data}}"
    nodes = tuple(
        PictureNode(f"{bad}.{name}", "singleton", "singleton", made_by=f"{bad}:{bad}", group=bad)
        for name in "ab"
    )
    edge = PictureEdge(nodes[0].path, nodes[1].path, bad, "keyword", pick=bad, through=(bad,))
    file = tmp_path / "hostile.html"
    file.write_text(page(Picture(f"{bad}:{bad}", nodes, (edge,))), encoding="utf-8")
    await browser.open(file)
    await browser.click("[data-part='0']")
    await browser.until("document.querySelector('#panel h2').textContent.includes('onerror')")
    assert not await browser.run("window.hit || document.querySelectorAll('img, b').length")
    assert await browser.run(OVERLAPS) == {"touching": False, "wide": [], "lines": 0, "aside": False}
    assert browser.problems == []


async def test_a_thousand_parts_can_be_explored(browser: Tab, tmp_path: Path) -> None:
    container = containers.DynamicContainer()
    parts: list[providers.Singleton[Cache]] = []
    for number in range(1_000):
        parts.append(providers.Singleton(Cache, *parts[max(0, number - 40) : number : 13]))
        setattr(container, f"part{number}", parts[-1])
    file = tmp_path / "large.html"
    file.write_text(page(picture_of(read_graph(container))), encoding="utf-8")
    await browser.open(file)
    await browser.run("search.focus()")
    await browser.write("part999")
    await browser.press("Enter")
    await browser.until("document.querySelector('#panel h2').textContent === 'part999'")
    assert await browser.run("document.querySelectorAll('.part.needs').length") > 70
    assert browser.problems == []
