"""The HTML report in a real browser."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from core.backtest.figures import policy_figures
from core.backtest.files import write_html
from core.backtest.records import Policy
from core.backtest.replay import Replay
from core.backtest.report import report_data
from core.backtest.sweep import Cell, grid_around

_ALONE = ("--disable-background-networking", "--disable-gpu", "--no-first-run", "--no-sandbox")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:  # in CI nothing may be skipped
        pytest.skip("Chromium is missing: on Debian, apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ALONE)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(changed: Replay, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with everything in it; a name that would end the script if it were let."""
    refit = policy_figures(changed)[Policy.REFIT]
    cells = [
        Cell(retraining_threshold=a, auto_deployment_threshold=b, figures=refit)
        for a, b in grid_around(changed.model_type)
    ]
    data = report_data(changed, cells) | {"model_type": "churn </script><b>"}
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_html(path, data)
    return path


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    yield page
    page.close()


def test_it_opens_without_errors_and_asks_nobody_for_anything(page: Page, report: Path) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.goto(report.as_uri())
    page.wait_for_selector("#sweep-plot .main-svg")

    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [report.as_uri()]
    assert page.locator("h1").inner_text() == "Backtest of churn </script><b>"
    for plot in ("costs-plot", "time-plot", "sweep-plot"):
        assert page.locator(f"#{plot} .main-svg").count() > 0
    assert page.locator("#time-plot .scatterlayer .trace").count() >= 5  # four lines, and marks


def test_tables_say_what_the_figures_are(page: Page, report: Path, changed: Replay) -> None:
    page.goto(report.as_uri())
    figures = policy_figures(changed)
    own = page.locator("section:has(#costs) tr.own").inner_text()

    assert f"{figures[Policy.REFIT].value:.4g}" in own
    assert str(figures[Policy.REFIT].retrainings) in own.split()
    done = [e for e in changed.events if e.action != "none"]
    assert page.locator("section:has(#events) tbody tr").count() == len(done)
    assert page.locator("section:has(#sweep) tbody tr").count() == 9


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_is_readable_light_and_dark_wide_and_narrow(
    browser: Browser, report: Path, scheme: str, width: int
) -> None:
    context = browser.new_context(
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": 900},
    )
    page = context.new_page()
    page.goto(report.as_uri())
    page.wait_for_selector("#sweep-plot .main-svg")

    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    paper = page.evaluate("document.getElementById('time-plot').layout.paper_bgcolor")
    assert paper == ("#12161d" if scheme == "dark" else "#ffffff")
    context.close()


def test_the_page_holds_the_very_figures_as_json(page: Page, report: Path, changed: Replay) -> None:
    page.goto(report.as_uri())
    held = json.loads(page.locator("#data").inner_text())
    assert held["policies"] == report_data(changed)["policies"]
