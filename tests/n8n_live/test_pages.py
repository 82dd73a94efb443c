"""The workflow as a person sees it in n8n; REFIT_SCREENSHOTS=1 keeps the pictures for the docs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.functions.served import ROOT
from tests.n8n_live.conftest import Stand
from tests.n8n_live.n8n import Session

CHROMIUM = "/usr/bin/chromium"
PICTURES = ROOT / "docs" / "screenshots"
MOST_BYTES = 300_000
PATIENCE_MS = 60_000


@pytest.fixture
def page(stand: Stand) -> Iterator[Page]:
    """A browser in which the first person of n8n is signed in."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page(viewport={"width": 1440, "height": 860})
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{stand.n8n.address}/signin")
        page.locator("input[name=emailOrLdapLoginId]").fill(Session.EMAIL)
        page.locator("input[name=password]").fill(Session.PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/home/**")
        yield page
        browser.close()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return PICTURES if os.environ.get("REFIT_SCREENSHOTS") else tmp_path


def test_the_workflow_opens_without_anything_to_mend(
    stand: Stand, page: Page, pictures: Path
) -> None:
    page.goto(f"{stand.n8n.address}/workflow/{stand.workflow_id}")
    show_all(page)

    assert page.locator("[data-test-id=node-issues]").count() == 0
    take(page, pictures / "n8n-workflow.png")


def test_a_run_that_ended_in_a_deployment_is_there_to_see(
    stand: Stand, page: Page, pictures: Path, degraded: Callable[..., str]
) -> None:
    execution = stand.run(degraded())

    page.goto(f"{stand.n8n.address}/workflow/{stand.workflow_id}/executions/{execution.id}")
    show_all(page)

    expect(page.get_by_text("Succeeded").first).to_be_visible(timeout=PATIENCE_MS)
    take(page, pictures / "n8n-execution.png")


def show_all(page: Page) -> None:
    """Wait for the workflow, put away what n8n offers beside it, and fit it to the window."""
    expect(page.locator("[data-test-id=canvas-node]").first).to_be_visible(timeout=PATIENCE_MS)
    page.wait_for_timeout(3000)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Zoom to Fit").first.click()
    page.wait_for_timeout(2000)


def take(page: Page, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path)
    assert path.stat().st_size < MOST_BYTES
