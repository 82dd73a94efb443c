"""What the scripts of every page do, in real Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route, expect

from tests.dashboard.conftest import PersonAs
from tests.worker.lab import Lab

CALM_MS = 30_000


@pytest.fixture(scope="module")
def model_type(lab: Lab) -> str:
    return lab.model_type(title="Churn")


def test_a_message_that_is_closed_hands_the_focus_on(model_type: str, person_as: PersonAs) -> None:
    person = person_as("admin")
    page = person.go("schedules")
    page.get_by_role("button", name="Pause").first.click()

    page.get_by_role("button", name="Close this message").press("Enter")

    expect(page.locator(".notice")).to_have_count(0)
    expect(page.locator("#main")).to_be_focused()
    page.get_by_role("button", name="Resume").first.click()
    expect(page.get_by_role("button", name="Resume")).to_have_count(0)


# Counts what would be sent, and keeps the page where it is.
_COUNT = """
    () => {
        window.sent = 0;
        document.addEventListener("submit", (event) => {
            if (!event.defaultPrevented) window.sent += 1;
            event.preventDefault();
        });
    }
"""
# The same form each time, wherever it stands by then.
_SEND = """
    () => {
        window.form ??= document.querySelector('#schedules form');
        window.form.requestSubmit();
        return window.sent;
    }
"""


def test_a_form_is_sent_once_though_the_page_stays_up_to_date_meanwhile(
    lab: Lab, model_type: str, person_as: PersonAs
) -> None:
    person = person_as("admin")
    person.page.clock.install()
    page = person.go("schedules")
    page.evaluate(_COUNT)
    assert page.evaluate(_SEND) == 1

    lab.model_type(title="Another")  # so that there is something new to show
    page.clock.fast_forward(CALM_MS)
    expect(page.get_by_role("link", name="Another").first).to_be_visible()
    assert page.evaluate(_SEND) == 1

    page.evaluate("window.dispatchEvent(new Event('pageshow'))")  # somebody came back
    assert page.evaluate(_SEND) == 2


def test_a_page_that_asked_too_often_waits_as_long_as_it_is_told(
    model_type: str, person_as: PersonAs
) -> None:
    person = person_as("viewer")
    person.page.clock.install()
    page = person.go("schedules")
    asked: list[int] = []

    def refuse(route: Route) -> None:
        asked.append(1)
        route.fulfill(status=429, headers={"Retry-After": "20"}, body="")

    page.route("**/schedules", refuse)
    page.clock.fast_forward(CALM_MS)
    expect(page.locator("#freshness")).to_contain_text("The connection is lost")
    page.clock.fast_forward(15_000)
    page.wait_for_timeout(200)
    assert len(asked) == 1

    page.unroute("**/schedules")
    page.clock.fast_forward(6_000)
    expect(page.locator("#freshness")).to_contain_text("Updated")
    person.complaints.clear()  # of the refusal


def test_two_clicks_open_one_form(model_type: str, person_as: PersonAs) -> None:
    page = person_as("operator").go()
    link = page.locator("a[href*='/retrain']").first
    link.wait_for()
    link.evaluate("link => { link.click(); link.click(); }")

    page.locator("dialog[open]").wait_for()
    page.wait_for_timeout(500)
    expect(page.locator("dialog[open]")).to_have_count(1)
