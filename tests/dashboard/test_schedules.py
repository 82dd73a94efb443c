"""The page of schedules, in real Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.dashboard.conftest import PersonAs
from tests.worker.lab import Lab


@pytest.fixture(scope="module")
def model_type(lab: Lab) -> str:
    return lab.model_type(lab.table(20), title="Who will leave")


def test_an_admin_changes_pauses_and_resumes_a_schedule(
    lab: Lab, model_type: str, person_as: PersonAs
) -> None:
    admin = person_as("admin")
    page = admin.go("schedules")
    check = page.locator("tr", has_text="Check, and retrain if it got worse")
    expect(check).to_contain_text("Who will leave")
    expect(check).to_contain_text("every 4 hours")

    check.get_by_role("button", name="Change").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    dialog.get_by_label("When").select_option(label="every day at 06:00 (UTC)")
    dialog.get_by_label("Time zone").fill("Europe/Amsterdam")
    dialog.get_by_role("button", name="Save").click()
    said = "The schedule of Who will leave runs every day at 06:00 (Europe/Amsterdam)."
    expect(page.get_by_role("status").filter(has_text=said)).to_be_visible()
    expect(check).to_contain_text("every day at 06:00 (Europe/Amsterdam)")

    check.get_by_role("button", name="Pause").click()
    expect(check).to_contain_text("Paused")
    stored = lab.store.list_schedules(model_type, status="disabled")["items"]
    assert [row["cron"] for row in stored] == ["0 6 * * *"]
    check.get_by_role("button", name="Resume").click()
    expect(check.get_by_text("On", exact=True)).to_be_visible()


def test_times_that_mean_nothing_are_refused_with_the_reason(
    model_type: str, person_as: PersonAs
) -> None:
    page = person_as("admin").go("schedules")
    weekly = page.locator("tr", has_text="Retrain in any case")
    weekly.get_by_role("button", name="Change").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("When").select_option(label="at times of your own")
    dialog.get_by_label("Times of your own").fill("61 * * * *")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("cron '61 * * * *' means nothing")


def test_only_what_is_not_scheduled_yet_can_be_added(model_type: str, person_as: PersonAs) -> None:
    admin = person_as("admin")
    admin.go()  # whose script names the zone
    page = admin.go("schedules?environment=staging")
    expect(page.get_by_role("heading", name="Nothing is planned here")).to_be_visible()
    for what in ("Check, and retrain if it got worse", "Retrain in any case"):
        page.get_by_role("button", name="Add a schedule").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_label("Time zone")).to_have_value("Europe/Amsterdam")
        dialog.get_by_label("What happens").select_option(label=f"Who will leave: {what}")
        dialog.get_by_label("When").select_option(label="every day at 06:00 (Europe/Amsterdam)")
        dialog.get_by_role("button", name="Add it").click()
        expect(page.locator(".notice")).to_contain_text("The schedule is set")
        assert "environment=staging" in page.url
    button = page.get_by_role("button", name="Add a schedule")
    expect(button).to_have_accessible_description(
        "Every model has both of its schedules here: change those."
    )


def test_who_may_not_change_a_schedule_reads_why(model_type: str, person_as: PersonAs) -> None:
    page = person_as("viewer").go("schedules")
    button = page.get_by_role("button", name="Change").first
    expect(button).to_have_attribute("aria-disabled", "true")
    button.focus()
    expect(page.get_by_role("tooltip").locator("visible=true")).to_have_text(
        "This needs the role Admin; yours is Viewer. An admin can give you another one."
    )
    button.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize(
    ("locale", "scheme", "width"), [("en", "light", 1440), ("nl", "dark", 360)]
)
def test_everybody_can_use_it(
    model_type: str, person_as: PersonAs, locale: str, scheme: str, width: int
) -> None:
    admin = person_as("admin", locale=locale, color_scheme=scheme, width=width)
    page = admin.go("schedules")
    expect(page.locator("html")).to_have_attribute("lang", locale)
    assert not admin.is_wider_than_the_screen()
    assert admin.violations() == []
    page.locator("tbody button").first.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert admin.violations() == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("tbody button").first).to_be_focused()
