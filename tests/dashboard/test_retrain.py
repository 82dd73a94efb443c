"""Asking for a retraining, in real Chromium: from the form to its end, with a real worker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect
from psycopg import sql

from tests.dashboard.conftest import PersonAs
from tests.worker.lab import Lab

JOINED = "A retraining was waiting or running already; your request joined it."


@pytest.fixture(scope="module")
def table(lab: Lab) -> str:
    return lab.table()


@pytest.fixture(scope="module")
def churn(lab: Lab, table: str) -> str:
    return lab.model_type(table, title="Who will leave", description="Customers who may cancel.")


@pytest.fixture(scope="module")
def revenue(lab: Lab) -> str:
    return lab.model_type(title="Next quarter's revenue")


@contextmanager
def kept_from_reading(lab: Lab, table: str) -> Iterator[None]:
    """Whoever reads the table waits for the end of the block."""
    with lab.owner.transaction():
        lab.owner.execute(
            sql.SQL("lock table {} in access exclusive mode").format(sql.Identifier(table))
        )
        yield


def test_a_retraining_is_asked_for_by_keyboard_and_watched_to_its_end(
    lab: Lab, churn: str, revenue: str, table: str, person_as: PersonAs, tmp_path: Path
) -> None:
    page = person_as("operator").go(f"jobs?model_type={churn}")
    page.get_by_role("link", name="Retrain").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Retrain")
    expect(dialog.get_by_label("Who will leave")).to_be_checked()
    expect(dialog.get_by_label("Next quarter's revenue")).not_to_be_checked()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("link", name="Retrain")).to_be_focused()

    page.keyboard.press("Enter")
    dialog.get_by_label("Why?").press_sequentially("The new shop opened.")
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile(r"/jobs/[0-9a-f-]{36}$"))
    expect(page.get_by_role("status").first).to_contain_text("A retraining was asked for.")
    expect(page.locator("#job-head")).to_contain_text("Waiting")
    expect(page.locator("#job-story")).to_contain_text("the key “operator of the test”")
    expect(page.locator("#job-story")).to_contain_text("The new shop opened.")
    page.evaluate("window.stays = true")
    with lab.worker(tmp_path):
        with kept_from_reading(lab, table):
            expect(page.locator("#job-head")).to_contain_text("Running")
            expect(page.get_by_role("progressbar")).to_be_visible()
            expect(page.get_by_role("button", name="Cancel", exact=True)).to_be_visible()
        expect(page.locator("#job-head")).to_contain_text("Done")
        expect(page.locator("#job-story")).to_contain_text("Version 1")
        checked = lab.retrain(churn)
    expect(page.locator("#job-story")).to_contain_text("In use")
    # It was the first model: there was none that it could check first.
    expect(page.locator("#job-story dt", has_text="Even if healthy")).to_have_count(0)
    expect(page.locator("#job-stages li").first).to_contain_text("Waiting")
    assert page.locator("#job-stages li").count() >= 3
    expect(page.locator("#job-gates")).to_contain_text("Passed")
    page.get_by_text("Why, step by step").click()
    expect(page.locator("#job-why li").first).to_be_visible()
    expect(page.locator("#job-why")).to_contain_text("It learnt from ")
    expect(page.get_by_role("region", name="Lines of the log")).to_contain_text("held out")
    expect(page.get_by_role("progressbar")).to_have_count(0)
    assert page.evaluate("window.stays") is True
    # The next one has a model to check first.
    page.goto(page.url.rpartition("/")[0] + f"/{checked['id']}")
    expect(page.locator("#job-story")).to_contain_text("No: it checks first")


def test_a_second_request_joins_the_first_and_says_so(
    churn: str, revenue: str, person_as: PersonAs
) -> None:
    page = person_as("operator").go(f"retrain?model_type={churn}")
    page.get_by_role("button", name="Retrain").click()
    expect(page.get_by_role("status").first).to_contain_text("A retraining was asked for.")
    job = page.url

    other = person_as("admin").go(f"retrain?model_type={churn}")
    other.get_by_role("button", name="Retrain").click()
    expect(other).to_have_url(job)
    expect(other.get_by_role("status").first).to_contain_text(JOINED)
    expect(other.locator("#job-joined")).to_contain_text("the key “admin of the test”")

    other.goto(job.partition("/jobs/")[0] + "/retrain")
    other.get_by_label("Who will leave").check()
    other.get_by_label("Next quarter's revenue").check()
    other.get_by_label("Even if the model in use is healthy").check()
    other.get_by_role("button", name="Retrain").click()
    asked = other.get_by_role("region", name="What you asked for").get_by_role("listitem")
    expect(asked).to_have_count(2)
    expect(asked.nth(0)).to_contain_text("Next quarter's revenue")
    expect(asked.nth(0)).to_contain_text("A retraining was asked for.")
    expect(asked.nth(1)).to_contain_text(JOINED)
    asked.nth(1).get_by_role("link").click()
    expect(other).to_have_url(job)
    # What joined it wanted more than it was asked for first.
    expect(other.locator("#job-story")).to_contain_text("Yes: it trains whatever the check says.")


def test_an_admin_may_pass_the_pause_between_trainings_and_the_outcome_is_said(
    lab: Lab, person_as: PersonAs, tmp_path: Path
) -> None:
    paused = lab.model_type(lab.table(), title="Just trained", cool_down="7 days")
    lab.model_type(lab.table(20), title="Too few cases")
    operator = person_as("operator")
    form = operator.go(f"retrain?model_type={paused}")
    expect(form.get_by_label("Even within the pause")).to_have_count(0)
    expect(form.get_by_text("hold either way.")).to_be_visible()
    refused = operator.context.request.post(
        form.url,
        form={
            "csrf": form.locator("input[name=csrf]").first.get_attribute("value") or "",
            "model_types": paused,
            "override_limits": "on",
        },
    )
    assert refused.status == 403

    with lab.worker(tmp_path):
        lab.retrain(paused)
        form.get_by_label("Too few cases").check()
        form.get_by_label("Even if the model in use is healthy").check()
        form.get_by_role("button", name="Retrain").click()
        asked = form.get_by_role("region", name="What you asked for").get_by_role("listitem")
        expect(asked.nth(0)).to_contain_text("Postponed: the last training began")
        expect(asked.nth(1)).to_contain_text("Failed")
        expect(asked.filter(has_text="was asked for")).to_have_count(0)
        asked.nth(0).get_by_role("link").click()
        expect(form.locator("#job-story dt", has_text="Even if healthy")).to_have_count(1)

        page = person_as("admin").go(f"retrain?model_type={paused}")
        page.get_by_label("Even if the model in use is healthy").check()
        page.get_by_label("Even within the pause between trainings").check()
        page.get_by_role("button", name="Retrain").click()
        expect(page.locator("#job-head")).to_contain_text("Done")
        expect(page.locator("#job-story")).to_contain_text("Pause and budget")


def test_a_form_that_is_refused_names_the_field_and_keeps_what_was_said(
    churn: str, revenue: str, person_as: PersonAs
) -> None:
    person = person_as("operator")
    page = person.go("retrain")
    page.get_by_label("Why?").fill("No model is chosen.")
    page.get_by_role("button", name="Retrain").click()
    expect(page.get_by_role("alert")).to_have_text("Choose at least one model.")
    expect(page.get_by_role("group", name="Which models?")).to_have_accessible_description(
        "Choose at least one model."
    )
    expect(page.get_by_label("Why?")).to_have_value("No model is chosen.")
    assert person.violations() == []
    assert "422" in person.complaints.pop()

    page.evaluate("document.querySelector('#retrain-form input[type=checkbox]').value = 'gone'")
    page.get_by_role("group", name="Which models?").get_by_role("checkbox").first.check()
    page.get_by_role("button", name="Retrain").click()
    expect(page.get_by_role("alert")).to_contain_text("not there, or switched off")
    assert "422" in person.complaints.pop()


def test_a_viewer_sees_why_they_cannot_ask(churn: str, person_as: PersonAs) -> None:
    viewer = person_as("viewer")
    for place in ("jobs", "retrain"):
        button = viewer.go(place).get_by_role("button", name="Retrain")
        expect(button).to_have_attribute("aria-disabled", "true")
        expect(button).to_have_accessible_description(re.compile("needs the role Operator"))
        assert viewer.violations() == []
    # The button is not all that stands between them.
    answer = viewer.context.request.post(
        viewer.page.url,
        form={
            "csrf": viewer.page.locator("input[name=csrf]").first.get_attribute("value") or "",
            "model_types": churn,
        },
    )
    assert answer.status == 403


@pytest.mark.parametrize(
    ("locale", "color_scheme", "width"), [("en", "light", 1440), ("nl", "dark", 360)]
)
def test_the_form_is_sound_as_a_page_and_as_a_dialog(
    locale: str, color_scheme: str, width: int, churn: str, revenue: str, person_as: PersonAs
) -> None:
    person = person_as("operator", locale=locale, color_scheme=color_scheme, width=width)
    page = person.go("retrain")
    expect(page.get_by_role("heading", level=1)).to_have_text(
        {"en": "Retrain", "nl": "Opnieuw trainen"}[locale]
    )
    assert person.violations() == []
    assert not person.is_wider_than_the_screen()
    page = person.go("jobs")
    page.locator("main .head a.button").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert person.violations() == []
    assert not person.is_wider_than_the_screen()
