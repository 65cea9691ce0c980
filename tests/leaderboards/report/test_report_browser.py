"""The report in a real browser, opened from files: no error on any page, and everything that can be done there."""

import shutil

import pytest
from leaderboard_records import record, saliency_items
from report_store import full

from inkbench.benchmark.progress import Progress
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards.report.command import write_report

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
PHONE, DESK = (390, 844), (1280, 900)


def start():
    """A headless Chromium; skips where there is none, or nothing to drive it with."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed (the test extra has it)")
    from selenium.webdriver.chrome.service import Service

    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if not found or not driver:
        pytest.skip("no Chromium with its chromedriver on this machine")
    options = webdriver.ChromeOptions()
    options.binary_location = found
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service(driver))


class Page:
    """A browser on a report."""

    def __init__(self, browser, folder):
        self.browser, self.folder = browser, folder

    def open(self, name):
        self.browser.get(f"{self.folder.as_uri()}/{name}")

    def run(self, script, *values):
        return self.browser.execute_script(script, *values)

    def find(self, selector):
        return self.browser.find_element("css selector", selector)

    def click(self, selector):
        self.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", self.find(selector))
        self.find(selector).click()

    def text(self, selector):
        return self.run("return [...document.querySelectorAll(arguments[0])].map(e => e.textContent.trim())", selector)

    def size(self, width, height):
        values = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", values)

    def prefer(self, scheme):
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def until(self, script, *values):
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.browser, 10).until(lambda _: self.run(script, *values))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    browser = start()
    store = Store(tmp_path_factory.mktemp("browser"))
    full(store)
    record(store, "x0", "<b>odd</b>", saliency_items(0.3, 7), notes=["<img src=x onerror=alert(1)>"])
    folder = write_report(store, store.root / "report", Progress(quiet=True)).parent
    yield Page(browser, folder)
    browser.quit()


@pytest.fixture(autouse=True)
def as_at_first(request):
    if "page" in request.fixturenames:
        page = request.getfixturevalue("page")
        page.size(*DESK)
        page.prefer("light")


def test_no_page_has_an_error_or_scrolls_sideways_on_a_phone(page):
    names = sorted(path.name for path in page.folder.glob("*.html"))
    assert len(names) > 12
    page.size(*PHONE)
    for name in names:
        page.open(name)
        assert page.run("return document.readyState") == "complete"
        assert page.run("return document.documentElement.scrollWidth <= innerWidth"), f"{name} scrolls sideways"
        assert page.run("return innerWidth") == PHONE[0], f"{name} is laid out wider than the phone"
        assert page.run("return [...document.images].every(i => i.loading === 'lazy' || i.naturalWidth)"), name
        assert page.browser.get_log("browser") == [], name


SALIENCY = "#saliency-frozen-synth-quick"


def rows(page):
    return page.run(
        "return [...document.querySelectorAll(arguments[0])].map(r => r.dataset.label)", f"{SALIENCY} tbody tr"
    )


def figures(page):
    """The third column as it is sorted, the interval being the second."""
    script = "return [...document.querySelectorAll(arguments[0])].map(r => r.cells[2].dataset.sort)"
    return [float(value) if value else None for value in page.run(script, f"{SALIENCY} tbody tr")]


def heading(column):
    return f"{SALIENCY} table.board thead th:nth-child({column})"


def test_a_heading_sorts_by_click_and_by_keyboard(page):
    from selenium.webdriver.common.keys import Keys

    page.open("index.html")
    before = rows(page)
    assert before[:2] == ["trivial:centre", "random"]
    page.click(f"{heading(3)} button")
    *known, last = figures(page)
    assert known == sorted(known, reverse=True)
    assert last is None, "a failed row has no figure and stays last"
    assert page.find(heading(3)).get_attribute("aria-sort") == "descending"
    page.find(f"{heading(3)} button").send_keys(Keys.ENTER)
    assert figures(page) == [*reversed(known), None]
    assert page.find(heading(3)).get_attribute("aria-sort") == "ascending"
    page.find(f"{heading(1)} button").send_keys(Keys.SPACE)
    assert page.find(heading(3)).get_attribute("aria-sort") == "none"
    assert rows(page) == sorted(before)
    assert rows(page) != before


def test_the_keyboard_reaches_the_content_first(page):
    from selenium.webdriver.common.keys import Keys

    page.open("index.html")
    page.find("body").send_keys(Keys.TAB)
    assert page.run("return document.activeElement.className") == "skip"
    page.browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert page.run("return document.activeElement.id") == "main"


def test_the_filter_shows_the_rows_that_match(page):
    page.open("index.html")
    page.find("#filter").send_keys("jig")
    shown = page.run(
        "return [...document.querySelectorAll('tr[data-label]')].filter(r => r.offsetParent).map(r => r.dataset.label)"
    )
    assert shown
    assert set(shown) == {"jigsaw"}
    assert "rows" in page.text("#count")[0]


def test_a_row_opens_its_cell_and_that_the_comparison(page):
    page.open("index.html")
    page.click("#saliency-frozen-synth-quick a[href='cell-j0.html']")
    assert page.text("h1")[0].startswith("jigsaw")
    page.click("a.button")
    page.until("return document.querySelectorAll('#scatter circle').length > 0")
    assert page.run("return document.querySelector('#second').selectedOptions[0].textContent").startswith("jigsaw")
    assert page.run("return document.querySelector('#first').selectedOptions[0].textContent").startswith("random")


def test_the_comparison_changes_with_the_choice(page):
    page.open("compare.html")
    page.until("return document.querySelectorAll('#scatter circle').length > 0")
    choose = (
        "const s = document.querySelector(arguments[0]);"
        "s.selectedIndex = [...s.options].findIndex(o => o.textContent.startsWith(arguments[1]));"
        "s.dispatchEvent(new Event('change'))"
    )
    page.run(choose, "#set", "saliency")
    page.until("return document.querySelector('#metric').selectedOptions[0].textContent === 'cc'")
    page.run(choose, "#first", "random")
    page.run(choose, "#second", "jigsaw")
    verdict = page.text("#verdict")[0]
    won = (saliency_items(0.40, 2)["cc"] > saliency_items(0.35, 1)["cc"]).sum()
    assert verdict.startswith(f"Of 192 items the second is better on {won}")
    differences = [float(text) for text in page.text("#differences tbody td:nth-child(3)")]
    assert differences == sorted(differences, reverse=True)
    page.click("#swap")
    assert page.text("#verdict")[0].startswith(f"Of 192 items the second is better on {192 - won}")
    page.run(choose, "#metric", "kld")
    assert "lower is better" in page.text("#verdict")[0]
    page.run(choose, "#set", "detection")
    page.until("return document.querySelectorAll('#scatter circle').length === 16")
    assert page.text("#verdict")[0].startswith("Of 16 series")
    assert page.browser.get_log("browser") == []


def background(page):
    return page.run("return getComputedStyle(document.body).backgroundColor")


def test_dark_and_light_by_the_system_and_by_choice(page):
    page.open("index.html")
    page.run("localStorage.clear()")
    page.open("index.html")
    light = background(page)
    page.prefer("dark")
    dark = background(page)
    assert light != dark
    for _ in range(2):
        page.click("#theme")
    page.prefer("light")
    assert background(page) == dark
    page.open("cell-j0.html")
    assert background(page) == dark, "the choice is kept"
    page.click("#theme")
    assert background(page) == light


def test_odd_names_are_shown_as_they_are(page):
    page.open("index.html")
    assert "<b>odd</b>" in page.text("tbody th a")
    page.open("cell-x0.html")
    assert page.text(".warning") == ["<img src=x onerror=alert(1)>"]
    assert page.browser.get_log("browser") == []
