"""Take the pictures of docs/screenshots: ``python -m tests.dashboard.screenshots``.

The demo walks through its 22 weeks in a home of its own; then `refit up` shows that home, and
Chromium looks at each page.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.functions.served import ROOT, free_port

SCREENSHOTS = ROOT / "docs" / "screenshots"
_REFIT = [sys.executable, "-c", "from core.cli import main; main()"]
_LINK = re.compile(r"http://\S+/sign-in/link\?token=\S+")
_PATIENCE_S = 120
_TITLE = "Content performance"


@contextmanager
def dashboard() -> Iterator[str]:
    """The one-time link to a dashboard that has something to show."""
    with tempfile.TemporaryDirectory(prefix="refit-screenshots-") as folder:
        environ = {**os.environ, "REFIT_HOME": folder}
        subprocess.run([*_REFIT, "demo", "--exit"], cwd=ROOT, env=environ, check=True)
        log = Path(folder) / "up.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*_REFIT, "up", "--no-example", "--port", str(free_port())],
                cwd=ROOT,
                env=environ,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            yield _printed_link(log)
        finally:
            process.terminate()
            process.wait(timeout=60)


def _printed_link(log: Path) -> str:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if found := _LINK.search(log.read_text()):
            return found.group()
        time.sleep(0.2)
    raise TimeoutError(log.read_text())


def _shoot(page: Page, name: str, *, whole: bool = False) -> None:
    page.wait_for_load_state("networkidle")
    for chart in page.locator("figure[data-chart]").all() if whole else []:
        chart.scroll_into_view_if_needed()
        chart.locator(".main-svg").first.wait_for()
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=whole)


def _take(browser: Browser, link: str) -> None:
    address, _, _ = link.partition("/ml-training")
    context = browser.new_context(
        viewport={"width": 1440, "height": 1000}, timezone_id="Europe/Amsterdam", locale="en"
    )
    page = context.new_page()
    page.goto(f"{address}/en/ml-training/sign-in")
    _shoot(page, "sign-in")
    page.goto(link)
    home = f"{address}/en/ml-training"
    page.goto(home)
    page.get_by_role("link", name="Retrain").first.click()
    page.get_by_role("dialog").wait_for()
    _shoot(page, "retrain")
    page.keyboard.press("Escape")
    _shoot(page, "overview")
    page.goto(f"{home}/schedules")
    for _ in range(3):
        page.get_by_role("button", name="Add a schedule").click()
        page.get_by_role("button", name="Add it").click()
        page.get_by_role("button", name="Close this message").click()
    for place in ("jobs", "schedules", "audit"):
        page.goto(f"{home}/{place}")
        _shoot(page, place)
    page.goto(f"{home}/jobs?status=succeeded")
    page.locator("#main a[href*='/jobs/']").first.click()
    _shoot(page, "job", whole=True)
    page.goto(home)
    page.get_by_role("link", name=_TITLE).first.click()
    page.get_by_role("link", name="365 days").click()
    _shoot(page, "model-type", whole=True)
    page.set_viewport_size({"width": 360, "height": 780})
    page.goto(home)
    _shoot(page, "overview-phone")
    page.set_viewport_size({"width": 1440, "height": 1000})
    page.emulate_media(color_scheme="dark")
    page.goto(f"{address}/nl/ml-training")
    _shoot(page, "overview-nl-dark")
    context.close()


def main() -> None:
    """Take them all."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    with dashboard() as link, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        _take(browser, link)
        browser.close()


if __name__ == "__main__":
    main()
