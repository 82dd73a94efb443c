"""The page of the audit log, in real Chromium."""

from __future__ import annotations

import csv
from io import StringIO

import pytest
from playwright.sync_api import expect

from tests.dashboard.conftest import PersonAs
from tests.worker.lab import Lab


@pytest.fixture(scope="module")
def model_type(lab: Lab) -> str:
    """One whose log has more than a page."""
    name = lab.model_type(lab.table(20), title="Who will leave")
    for number in range(60):
        lab.store.update_model_type(name, {"description": f"version {number} of the text"})
    return name


def test_the_log_says_who_did_what_page_by_page(model_type: str, person_as: PersonAs) -> None:
    page = person_as("viewer").go(f"audit?model_type={model_type}")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(50)
    expect(rows.first).to_contain_text("Refit")
    expect(rows.first).to_contain_text("Who will leave")
    rows.first.get_by_text("Show").click()
    expect(rows.first).to_contain_text("version 59 of the text")
    first = rows.first.get_attribute("id")
    page.get_by_role("link", name="Older").click()
    expect(rows.first).not_to_have_id(first or "")
    page.get_by_role("link", name="Back to the newest").click()
    expect(rows.first).to_have_id(first or "")


def test_filters_hold_in_the_list_and_in_what_is_exported(
    model_type: str, person_as: PersonAs
) -> None:
    viewer = person_as("viewer")
    page = viewer.go("audit")
    page.get_by_label("About").select_option("schedule")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as CSV").click()
    rows = list(csv.DictReader(StringIO(download.value.path().read_text("utf-8-sig"))))
    assert {row["entity"] for row in rows} == {"schedule"}
    assert [row["who_kind"] for row in rows] == ["system", "system"]
    page.get_by_text("For engineers").click()
    page.get_by_label("Id of the thing").fill("nothing that exists")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("heading", name="Nothing is on record here")).to_be_visible()


def test_a_whole_log_is_exported_beyond_one_page(model_type: str, person_as: PersonAs) -> None:
    viewer = person_as("viewer")
    answer = viewer.context.request.get(
        f"{viewer.address}/en/ml-training/audit?format=csv&entity=model_type"
    )
    rows = list(csv.DictReader(StringIO(answer.body().decode("utf-8-sig"))))
    assert len(rows) >= 61
    assert "attachment" in answer.headers["content-disposition"]


@pytest.mark.parametrize(
    ("locale", "scheme", "width"), [("en", "light", 1440), ("nl", "dark", 360)]
)
def test_everybody_can_use_it(
    model_type: str, person_as: PersonAs, locale: str, scheme: str, width: int
) -> None:
    viewer = person_as("viewer", locale=locale, color_scheme=scheme, width=width)
    page = viewer.go("audit")
    expect(page.locator("tbody tr")).to_have_count(50)
    assert not viewer.is_wider_than_the_screen()
    page.locator("summary").first.press("Enter")
    assert viewer.violations() == []
