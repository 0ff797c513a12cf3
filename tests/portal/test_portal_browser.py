"""The pages in Chromium: by keyboard, without scripts, in both languages and colour schemes."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from province_world import add_provinces
from published_world import PASSWORD, WEEK, Server, serving
from system_packages import PACKAGES

from anonymizer.storage.home import Home

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("portal"), pytest.mark.needs("chromium")]

PAGES = (
    *("/", "/audience", "/segment", "/segment-requests", "/account", "/nowhere"),
    "/figures/campaign/spring?every=day&compare=autumn",
    "/figures/campaign/spring?every=week",
    "/figures/audience/everyone",
    f"/certificates/maju/{WEEK}",
    "/segment?subject=campaign:spring&every=week&gender=female&region=73.71",
    "/segment?subject=campaign:spring&every=week&gender=female&age=40-44&age=50-54",
)
_FILL = "drawn => getComputedStyle(drawn).fill"
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=PACKAGES["chromium"].path, args=["--no-sandbox"]
        )
        yield found
        found.close()


def sign_in(page: Page, server: Server, login: str = "both") -> None:
    page.goto(f"{server.origin}/sign-in")
    page.fill("#login", login)
    page.fill("#password", PASSWORD)
    page.click("main button")
    assert page.url == f"{server.origin}/"


def watched(context: BrowserContext) -> tuple[Page, list[str], set[str]]:
    """A page, what the console complains of, and the hosts that it asks."""
    page, complaints, hosts = context.new_page(), list[str](), set[str]()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    return page, complaints, hosts


@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "id")])
def test_every_page_is_accessible_and_loads_nothing_from_elsewhere(
    browser: Browser, server: Server, scheme: str, language: str
) -> None:
    context = browser.new_context(
        color_scheme=scheme, locale={"en": "en-GB", "id": "id-ID"}[language]
    )
    page, complaints, hosts = watched(context)
    page.goto(f"{server.origin}/sign-in")
    assert page.locator("html").get_attribute("lang") == language
    faults = violations(page)
    sign_in(page, server)
    for path in PAGES:
        page.goto(server.origin + path)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        faults += violations(page)
    context.close()
    assert not faults
    assert hosts == {f"127.0.0.1:{server.port}"}
    assert {line for line in complaints if "404" not in line} == set()


@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "id")])
def test_the_map_of_provinces_is_accessible_narrow_and_printed(
    browser: Browser, portal_home: Home, scheme: str, language: str
) -> None:
    add_provinces(portal_home)
    with serving(portal_home) as server:
        context = browser.new_context(
            color_scheme=scheme, locale={"en": "en-GB", "id": "id-ID"}[language]
        )
        page, complaints, hosts = watched(context)
        sign_in(page, server)
        page.goto(f"{server.origin}/figures/campaign/spring?every=week")
        drawing, table = page.locator("svg.map"), page.locator("table.ranked").first
        name = {"en": "Map of provinces", "id": "Peta provinsi"}[language]
        assert page.get_by_role("img", name=name).count() == 1
        assert not violations(page)
        fills = {drawing.locator(f".shade{n}").first.evaluate(_FILL) for n in range(1, 6)}
        assert len(fills) == 5
        assert drawing.locator(".province:not([class*=shade])").first.evaluate(_FILL) == (
            'url("#hatching")'
        )
        over, beside = drawing.bounding_box(), table.bounding_box()
        assert over
        assert beside
        assert over["x"] + over["width"] <= beside["x"], "the table is beside the map"
        page.set_viewport_size({"width": 320, "height": 640})
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        assert not violations(page)
        page.emulate_media(media="print")
        assert drawing.is_visible()
        context.close()
    assert hosts == {f"127.0.0.1:{server.port}"}
    assert complaints == []


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options=RULES).response["violations"]
    return [
        f"{page.url}: {one['id']} {node['html'][:120]}" for one in found for node in one["nodes"]
    ]


def test_the_checker_of_pages_finds_faults(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content(
        "<html><body><input><p style='color:#aaa;background:#fff'>too pale</p></body></html>"
    )
    found = " ".join(violations(page))
    for rule in ("label", "color-contrast", "html-has-lang"):
        assert rule in found


def test_from_the_form_to_a_file_without_a_script(browser: Browser, server: Server) -> None:
    context = browser.new_context(java_script_enabled=False, accept_downloads=True)
    page = context.new_page()
    sign_in(page, server, "nina")
    page.fill("#name", "spri")
    page.click("text=Find >> nth=-1")
    page.click("text=Spring Sale")
    with page.expect_download() as waiting:
        page.click("text=Excel, English")
    name = "spring-sale_week-2026-W47.xlsx"
    assert waiting.value.suggested_filename == name
    downloaded = waiting.value.path().read_bytes()
    assert downloaded == (server.home.exports / "maju" / WEEK / name).read_bytes()
    page.click("text=Sign out")
    assert page.url == f"{server.origin}/sign-in"
    context.close()


def test_by_keyboard_alone(browser: Browser, server: Server) -> None:
    context = browser.new_context(accept_downloads=True)
    page = context.new_page()
    page.goto(f"{server.origin}/sign-in")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0  # type: ignore[index]
    page.focus("#login")
    page.keyboard.type("nina")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{server.origin}/")
    reach(page, "Spring Sale")
    page.keyboard.press("Enter")
    page.wait_for_url("**/figures/campaign/spring")
    reach(page, "CSV")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid", "the focus can be seen"
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    assert waiting.value.suggested_filename.endswith(".csv")
    context.close()


def reach(page: Page, text: str) -> None:
    """Press Tab until the focus is on a text."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent").strip() == text:
            return
    raise AssertionError(f"{text} cannot be reached by keyboard")


def test_on_a_telephone_and_enlarged_nothing_is_cut_off(browser: Browser, server: Server) -> None:
    context = browser.new_context(viewport={"width": 320, "height": 640})
    page = context.new_page()
    sign_in(page, server)
    for path in PAGES:
        page.goto(server.origin + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
    context.close()


def test_what_is_printed_has_the_figures_and_no_controls(browser: Browser, server: Server) -> None:
    context = browser.new_context()
    page = context.new_page()
    sign_in(page, server)
    page.goto(f"{server.origin}/figures/campaign/spring?every=week")
    page.emulate_media(media="print")
    visible = page.locator("body").inner_text()
    assert re.search(r"1,\d\d0", visible)
    for control in ("Sign out", "Download", "Compare with", "Show"):
        assert control not in visible
    context.close()
