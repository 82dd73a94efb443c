"""The pages of training jobs, in real Chromium."""

from __future__ import annotations

import csv
import re
from io import StringIO
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.domain import JobStatus
from tests.dashboard.conftest import PersonAs
from tests.dashboard.test_retrain import kept_from_reading
from tests.worker.lab import Lab

WORKER = "worker-of-the-test"
FORMULA = '=HYPERLINK("https://example.org")'
# 10,000 jobs of one model type, an hour apart; one in four failed.
_MANY = """
    insert into public.ml_training_jobs (
        model_type, environment, status, stage, progress, attempt, requested_by, reason,
        skip_reason, error, created_at, queued_at, started_at, finished_at
    )
    select
        %(name)s, 'staging', s.status::public.ml_job_status, s.status, 1, 1,
        '{"kind": "key", "id": "1", "name": "n8n", "role": "operator"}', %(formula)s,
        'The champion is healthy.',
        case s.status when 'failed' then '{"type": "worker_lost", "detail": "Lost."}'::jsonb end,
        t.at, t.at, t.at, t.at + interval '90 seconds'
    from generate_series(1, 10000) as i
    cross join lateral (
        select case when i %% 4 = 0 then 'failed' else 'skipped' end as status
    ) as s
    cross join lateral (select now() - i * interval '1 hour' as at) as t
"""


@pytest.fixture(scope="module")
def table(lab: Lab) -> str:
    return lab.table()


@pytest.fixture(scope="module")
def churn(lab: Lab, table: str) -> str:
    return lab.model_type(table, title="Who will leave")


@pytest.fixture(scope="module")
def many(lab: Lab) -> str:
    name = lab.model_type(lab.table(20), title="Next quarter's revenue")
    with lab.owner.transaction():
        # Without their audit rows, which would only take longer.
        lab.owner.execute("set local session_replication_role = 'replica'")
        lab.owner.execute(_MANY, {"name": name, "formula": FORMULA})
    lab.owner.execute("analyze public.ml_training_jobs")
    return name


def rows(page: Page) -> list[str]:
    return [row.get_attribute("id") or "" for row in page.locator(".jobs > li").all()]


def test_a_history_of_ten_thousand_is_walked_filtered_and_exported(
    many: str, churn: str, person_as: PersonAs
) -> None:
    viewer = person_as("viewer")
    page = viewer.go("jobs?environment=staging")
    newest = rows(page)
    assert len(newest) == 50
    page.get_by_role("link", name="Older").click()
    expect(page.locator(f"#{newest[0]}")).to_have_count(0)
    assert set(rows(page)).isdisjoint(newest)
    page.get_by_role("link", name="Back to the newest").click()
    expect(page.locator(f"#{newest[0]}")).to_be_visible()

    page.get_by_label("Model", exact=True).select_option("Next quarter's revenue")
    page.get_by_label("Status").select_option("Failed")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator(".jobs .badge").first).to_have_text("Failed")
    expect(page.locator(".jobs .badge", has_text="Skipped")).to_have_count(0)
    expect(page.get_by_label("Environment")).to_have_value("staging")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as CSV").click()
    text = download.value.path().read_bytes().decode("utf-8-sig")
    exported = list(csv.DictReader(StringIO(text, newline="")))
    assert len(exported) == 2500
    assert {row["status"] for row in exported} == {"failed"}
    assert {row["reason"] for row in exported} == {f"'{FORMULA}"}
    assert {(row["who"], row["who_kind"], row["seconds"], row["force"]) for row in exported} == {
        ("n8n", "key", "90.0", "false")
    }
    assert [row["created_at"] for row in exported] == sorted(
        (row["created_at"] for row in exported), reverse=True
    )

    page.get_by_label("Model", exact=True).select_option("Who will leave")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("heading", name="No job fits")).to_be_visible()
    page.locator(".empty").get_by_role("link", name="Show everything").click()
    expect(page.locator(".jobs > li")).to_have_count(50)


def test_the_columns_of_the_file_are_named_alike_in_every_language(person_as: PersonAs) -> None:
    viewer = person_as("viewer")

    def header(locale: str) -> str:
        address = f"{viewer.address}/{locale}/ml-training/jobs?environment=development&format=csv"
        return viewer.context.request.get(address).text()

    assert header("nl") == header("en")
    assert header("en") == (
        "\ufeffcreated_at,started_at,finished_at,seconds,model_type,title,environment,status,what,"
        "who,who_kind,trigger,reason,force,override_limits,model_version,improvement,deployed,id"
        "\r\n"
    )


@pytest.mark.parametrize(
    "query", ["status=asleep", "model_type=gone", "cursor=nonsense", "model_type=%00", "asked=%00"]
)
def test_an_address_that_makes_no_sense_is_refused(query: str, person_as: PersonAs) -> None:
    viewer = person_as("viewer")
    answer = viewer.context.request.get(f"{viewer.address}/en/ml-training/jobs?{query}")
    assert answer.status == 422
    assert "This did not work" in answer.text()


def test_what_an_address_carries_beside_is_passed_over(person_as: PersonAs) -> None:
    viewer = person_as("viewer")
    answer = viewer.context.request.get(f"{viewer.address}/en/ml-training/jobs?utm_source=mail")
    assert answer.status == 200


def test_only_a_job_is_cancelled_where_jobs_are(lab: Lab, churn: str, person_as: PersonAs) -> None:
    operator = person_as("operator")
    page = operator.go("retrain")
    operation = lab.store.request_check(model_types=[churn])
    answer = operator.context.request.post(
        f"{operator.address}/en/ml-training/jobs/{operation}/cancel",
        form={"csrf": page.locator("input[name=csrf]").first.get_attribute("value") or ""},
    )
    assert answer.status == 404
    assert lab.store.get_operation(operation)["status"] == "queued"


def test_what_waits_is_cancelled_and_asked_for_again(
    lab: Lab, churn: str, person_as: PersonAs
) -> None:
    job_id = lab.ask_for_training(churn, ring=False, force=True, auto_deploy=False)
    page = person_as("operator").go(f"jobs/{job_id}")
    page.get_by_role("button", name="Cancel", exact=True).focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Cancel this retraining?")
    expect(dialog.get_by_role("button", name="Not now")).to_be_focused()
    dialog.get_by_role("button", name="Cancel it").press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("The retraining is cancelled.")
    expect(page.locator("#job-story")).to_contain_text(
        "It was cancelled by the key “operator of the test”."
    )

    page.get_by_role("button", name="Try again").click()
    page.get_by_role("dialog").get_by_role("button", name="Try again").click()
    expect(page.get_by_role("status").first).to_contain_text("It is asked for once more.")
    assert str(job_id) not in page.url
    again = lab.job(page.url.rpartition("/")[2])
    assert (again["force"], again["auto_deploy"], again["status"]) == (True, False, "queued")
    assert again["reason"] == f"Retry of the job {job_id}"
    page.get_by_role("link", name="It is another try of an earlier job.").click()
    expect(page).to_have_url(re.compile(str(job_id)))
    lab.store.cancel_job(again["id"])


def test_what_runs_is_asked_to_stop_and_does(
    lab: Lab, churn: str, table: str, person_as: PersonAs, tmp_path: Path
) -> None:
    page = person_as("operator").go("jobs")
    history = person_as("viewer").go("jobs")
    # Nothing waits: it need not look every 2 seconds. Nor where what waits has no worker.
    expect(history.locator("main")).not_to_have_attribute("data-busy", "true")
    waits = lab.ask_for_training(churn, ring=False)
    history.reload()
    expect(history.locator(f"#job-{waits} .badge")).to_have_text("Waiting")
    expect(history.locator("main")).not_to_have_attribute("data-busy", "true")
    lab.store.cancel_job(waits)
    with kept_from_reading(lab, table), lab.worker(tmp_path):
        job_id = lab.ask_for_training(churn)
        page.goto(page.url + f"/{job_id}")
        history.reload()
        history.evaluate("window.stays = true")
        expect(history.locator(f"#job-{job_id} .badge")).to_have_text("Running")
        expect(history.locator("main")).to_have_attribute("data-busy", "true")
        expect(history.locator(f"#job-{job_id}").get_by_role("progressbar")).to_be_visible()
        expect(page.locator("#job-head")).to_contain_text("Running")
        expect(page.get_by_role("heading", name="What is happening")).to_be_visible()
        # There is no model yet that it could check first, and nobody typed a reason.
        expect(page.locator("#job-story dt", has_text="Even if healthy")).to_have_count(0)
        expect(page.locator("#job-story dt", has_text="Why")).to_have_count(0)
        page.get_by_role("button", name="Cancel", exact=True).click()
        page.get_by_role("button", name="Cancel it").click()
        expect(page.get_by_role("status").first).to_contain_text("was asked to stop")
        expect(page.locator("#job-head")).to_contain_text("Cancelled")
    expect(page.get_by_role("heading", name="What happened")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    expect(history.locator(f"#job-{job_id} .badge")).to_have_text("Cancelled")
    assert history.evaluate("window.stays") is True
    assert lab.job(job_id)["status"] == JobStatus.CANCELLED


def test_an_action_that_comes_too_late_says_why(lab: Lab, churn: str, person_as: PersonAs) -> None:
    job_id = lab.ask_for_training(
        churn, ring=False, webhook_url="https://n8n.example.org/hook?signature=secret"
    )
    operator, viewer = person_as("operator"), person_as("viewer")
    page = operator.go(f"jobs/{job_id}")
    page.get_by_role("button", name="Cancel", exact=True).click()
    claimed = lab.store.claim_training_job(job_id, WORKER)
    assert claimed is not None
    error = {"type": "data", "status": 422, "detail": "There is no table or view public.rows."}
    lab.store.finish_training_job(claimed, {"status": "failed", "error": error})
    page.get_by_role("button", name="Cancel it").click()
    expect(page.get_by_role("alert")).to_contain_text("has ended: failed")
    expect(page.locator("#job-story")).to_contain_text("The table with the data is gone.")
    expect(page.locator("#job-callbacks")).to_contain_text("https://n8n.example.org")
    assert "secret" not in page.content()
    expect(page.locator(".raw")).not_to_be_visible()
    page.get_by_text("For engineers").click()
    expect(page.locator(".raw")).to_contain_text(
        '"detail": "There is no table or view public.rows."'
    )
    expect(page.locator("#job-engineers")).to_contain_text(str(job_id))
    assert operator.violations() == []

    page = viewer.go(f"jobs/{job_id}")
    button = page.get_by_role("button", name="Try again")
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_have_accessible_description(re.compile("needs the role Operator"))
    assert viewer.violations() == []


def test_where_nothing_was_retrained_the_page_says_what_will_be_here(
    churn: str, person_as: PersonAs
) -> None:
    viewer = person_as("viewer")
    page = viewer.go("jobs?environment=development")
    expect(page.get_by_role("heading", name="Nothing was retrained yet")).to_be_visible()
    assert viewer.violations() == []
    answer = viewer.context.request.get(
        f"{viewer.address}/en/ml-training/jobs/00000000-0000-4000-8000-000000000001"
    )
    assert answer.status == 404


@pytest.mark.parametrize(
    ("locale", "color_scheme", "width"), [("en", "light", 1440), ("nl", "dark", 360)]
)
def test_the_pages_are_sound(
    locale: str,
    color_scheme: str,
    width: int,
    lab: Lab,
    many: str,
    person_as: PersonAs,
    tmp_path: Path,
) -> None:
    name = lab.model_type(title="A title of <some> length that has to be broken: " + "x" * 60)
    with lab.worker(tmp_path):
        job = lab.retrain(name)
        lab.store.trigger_retraining(model_types=[name])  # waits: nobody is told
    person = person_as("operator", locale=locale, color_scheme=color_scheme, width=width)
    for place, title in (
        ("jobs", {"en": "Jobs", "nl": "Trainingen"}),
        ("jobs?environment=staging", {"en": "Jobs", "nl": "Trainingen"}),
        (f"jobs/{job['id']}", {"en": "Retraining of A title", "nl": "Training van A title"}),
    ):
        page = person.go(place)
        expect(page.get_by_role("heading", level=1)).to_contain_text(title[locale])
        assert person.violations() == []
        assert not person.is_wider_than_the_screen()
    # The log is reached, and scrolled, by keyboard.
    log = page.locator("#log-lines")
    log.focus()
    expect(log).to_be_focused()
