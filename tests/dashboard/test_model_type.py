"""The page of a model type, in real Chromium: a real worker trained what it shows."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from core.engines import gates
from core.explanations.words import ENGLISH
from functions.dashboard.language import load_language
from functions.dashboard.model_comparison import NON_INFERIORITY, show_comparison
from functions.dashboard.setting_field import Field, unit_of
from tests.dashboard.conftest import PersonAs
from tests.worker.lab import Lab, RunningWorker

TITLE = "Who will leave"


def add_checks(lab: Lab, name: str, checks: int, *, every: str = "6 hours") -> None:
    """Checks of the champion in the past, the newest of them degraded."""
    lab.owner.execute(
        """
        select private.create_partition('ml_performance_metrics', (
            date_trunc('month', now()) - months * interval '1 month')::date
        )
        from generate_series(1, 13) as months
        """
    )
    lab.owner.execute(
        """
        insert into ml_performance_metrics (
            recorded_at, model_type, environment, model_id, deployment_id, window_start,
            window_end, metric, baseline, value, degradation, ci_low, ci_high, p_value, samples,
            threshold, verdict, needs_retraining, reason
        )
        select
            now() - i * %(every)s::interval, d.model_type, d.environment, d.model_id, d.id,
            now() - i * %(every)s::interval - interval '7 days', now() - i * %(every)s::interval,
            'accuracy', 0.87, 0.87 - drop, drop, drop - 0.02, drop + 0.02, 0.0004, 1240, 0.03,
            case when drop > 0.03 then 'degraded' else 'healthy' end::ml_check_verdict,
            drop > 0.03, 'As it was seeded.'
        from ml_model_deployments as d
        cross join generate_series(1, %(checks)s) as i
        cross join lateral (
            select (0.06 * exp(-i / 12.0) + 0.008 * sin(i))::float8 as drop
        ) as x
        where d.model_type = %(name)s and d.status = 'active'
        """,
        {"name": name, "checks": checks, "every": every},
    )


@pytest.fixture(scope="module")
def first(lab: Lab, worker: RunningWorker) -> Callable[[], str]:
    """Makes model types whose first version serves; what a test changes is its own."""

    def make() -> str:
        name = lab.model_type(
            # Enough for a version that is as good to be shown to be.
            lab.table(2600),
            title=TITLE,
            description="Customers who are likely to cancel within a month.",
            owner="Anna de Vries",
            # Then both versions can be compared on the rows that were held out.
            final_fit=False,
        )
        lab.champion(name)
        return name

    return make


def retrain(lab: Lab, name: str, *, deploy: bool = False) -> str:
    """Another version that waits for a person, or serves; its id."""
    job = lab.retrain(name, force=True, auto_deploy=False)
    model_id: str = job["result"]["model_id"]
    if deploy:
        assert lab.deploy(model_ids=[model_id], force=True)["status"] == "succeeded"
    return model_id


@pytest.fixture(scope="module")
def trained(lab: Lab, first: Callable[[], str]) -> str:
    """One that tests only look at: its second version serves, its third waits."""
    name = first()
    retrain(lab, name, deploy=True)
    add_checks(lab, name, 40)
    retrain(lab, name)
    return name


def serving(lab: Lab, name: str) -> int:
    """The version that serves."""
    row = lab.row(
        "select m.version from ml_model_deployments as d join ml_models as m on m.id = d.model_id"
        " where d.model_type = %s and d.status = 'active'",
        name,
    )
    version: int = row["version"]
    return version


def left_in_english(page: Page, locale: str) -> list[str]:
    """What a page says whole that its catalogues translate otherwise."""
    if locale == "en":
        return []
    said = page.evaluate(
        """() => {
            const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            const found = [];
            while (texts.nextNode()) found.push(texts.currentNode.data.trim());
            return found;
        }"""
    )
    gettext = load_language(locale).gettext
    return [text for text in said if gettext(text) != text]


def drawn(page: Page, part: str) -> int:
    """How many charts of a part are drawn."""
    return page.locator(f"#{part} .plot .main-svg").count()


def test_what_takes_long_is_said_to_go_on_and_seen_on_the_page(
    lab: Lab, person_as: PersonAs
) -> None:
    """The first test here: no worker runs yet."""
    name = lab.model_type(lab.table(20))
    page = person_as("operator").go(f"model-types/{name}")
    # There is nothing to check, so the page has no such form: this asks as it would.
    page.evaluate(
        """() => {
            const form = document.querySelector("form[action$='sign-out']");
            form.action = location.pathname + "/check";
            form.requestSubmit();
        }"""
    )
    said = "The check has been asked for and is under way. This page shows by itself how it ends."
    expect(page.locator(".notice")).to_contain_text(said, timeout=15_000)
    expect(page.locator(".work")).to_contain_text("A check")
    # Nobody is there to carry it out, so there is nothing to look at every two seconds.
    assert page.locator("main").get_attribute("data-busy") is None


def test_a_chart_is_drawn_when_it_comes_into_view_and_nothing_is_complained_of(
    trained: str, person_as: PersonAs
) -> None:
    person = person_as("viewer")
    person.page.set_viewport_size({"width": 1440, "height": 200})
    loaded: list[str] = []
    person.page.on("request", lambda request: loaded.append(request.url))
    page = person.go(f"model-types/{trained}")
    page.wait_for_timeout(500)
    assert not any("plotly" in url for url in loaded)

    page.locator("#performance figure").scroll_into_view_if_needed()
    expect(page.locator("#performance .plot .main-svg").first).to_be_visible()
    # v2 serves from today on; the time is the viewer's, and so is the language.
    expect(page.locator("#performance .annotation-text").first).to_have_text("v2")
    assert drawn(page, "performance") > 0
    assert page.locator("style").count() == 0, "the security policy would forbid it"

    page.get_by_role("link", name="365 days").click()
    expect(page.get_by_role("link", name="365 days")).to_have_attribute("aria-current", "true")
    table = page.locator("#performance details")
    table.locator("summary").press("Enter")
    expect(table.locator("tbody tr")).to_have_count(40)
    newest = table.locator("tbody tr").first
    expect(newest).to_contain_text("Got worse")
    expect(newest).to_contain_text("84%")  # the limit: 87 % when it was deployed, less 3 points


def test_a_version_is_compared_test_by_test(trained: str, person_as: PersonAs) -> None:
    page = person_as("viewer").go(f"model-types/{trained}")
    comparison = page.locator("#comparison")
    expect(comparison.get_by_role("heading", level=3)).to_have_text(
        "Version 3 compared with version 2"
    )
    expect(comparison.get_by_role("listitem")).to_have_count(8)
    first = comparison.get_by_role("listitem").first
    expect(first).to_contain_text("Passed")
    expect(first).to_contain_text("Enough cases")
    expect(first).to_contain_text("measured 2,600, wanted 100")

    page.get_by_role("link", name="Compare Version 1").click()
    expect(comparison.get_by_role("heading", level=3)).to_have_text("How version 1 was tested")
    expect(comparison).to_contain_text("there is none to compare it with")
    assert page.url.endswith("#comparison")


def test_an_admin_rolls_back_with_a_reason(
    lab: Lab, first: Callable[[], str], person_as: PersonAs
) -> None:
    name = first()
    retrain(lab, name, deploy=True)
    page = person_as("admin").go(f"model-types/{name}")
    opener = page.get_by_role("button", name="Roll back to version 1")
    opener.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(
        "Version 1 comes back into use at once. Version 2 is quarantined"
    )
    # Without a reason the browser itself refuses.
    dialog.get_by_role("button", name="Roll back").click()
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()

    opener.click()
    dialog.get_by_label("Why?").fill("It offers discounts to everybody.")
    dialog.get_by_role("button", name="Roll back").click()
    expect(page.get_by_role("status").filter(has_text="Version 1 is in use again")).to_be_visible()
    assert serving(lab, name) == 1
    expect(page.locator(".figures")).to_contain_text("Version 1")
    row = page.locator(
        "#versions .stacks tr", has=page.get_by_role("rowheader", name="2", exact=True)
    )
    expect(row).to_contain_text("Quarantined")
    expect(row).to_contain_text("“It offers discounts to everybody.”")
    expect(page.locator("#deployments tbody tr").nth(0)).to_contain_text(
        "went back to version 1: “It offers discounts to everybody.”"
    )
    expect(page.locator("#deployments tbody tr").nth(1)).to_contain_text("Quarantined")
    # Nothing is left to go back to, and the button says so.
    refused = page.get_by_role("button", name="Roll back", exact=True)
    expect(refused).to_have_attribute("aria-disabled", "true")
    expect(refused).to_have_accessible_description("There is no earlier version to go back to.")


def test_a_new_version_appears_by_itself_and_an_operator_deploys_and_checks_it(
    lab: Lab, first: Callable[[], str], person_as: PersonAs
) -> None:
    name = first()
    page = person_as("operator").go(f"model-types/{name}")
    expect(page.locator("#versions .stacks tbody tr")).to_have_count(1)
    page.evaluate("window.stays = true")
    retrain(lab, name)
    # As somebody does who comes back to the page: else it asks again after half a minute.
    page.wait_for_timeout(2100)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#versions .stacks tbody tr")).to_have_count(2)
    assert page.evaluate("window.stays")

    page.locator("#versions .stacks tbody tr").first.get_by_role("button", name="Deploy").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("It passed every test.")
    expect(dialog).to_contain_text("it takes the place of version 1 at once")
    dialog.get_by_role("button", name="Deploy").click()
    expect(page.get_by_role("status").filter(has_text="Version 2 is in use now.")).to_be_visible()
    assert serving(lab, name) == 2
    before = page.locator("#versions .stacks tbody tr").nth(1).get_by_role("button", name="Deploy")
    expect(before).to_have_accessible_description(
        "It was compared with another model than the one that is in use now. Retrain, or ask an "
        "engineer to run refit validate."
    )
    # Until its first check the figure is the one of its test, as on the overview.
    expect(page.locator(".figures")).to_contain_text(re.compile(r"Accuracy\d\d"))
    expect(page.locator("#unmeasured")).to_contain_text("was not checked yet; the figure is what")

    lab.add_rows(lab.table_of(name), 300)
    page.get_by_role("button", name="Check now").click()
    expect(page.locator(".notice")).to_contain_text("Checked: ")
    expect(page.locator("#unmeasured")).to_have_count(0)


def test_a_version_of_another_environment_is_not_tested_for_this_one(
    trained: str, person_as: PersonAs
) -> None:
    page = person_as("operator").go(f"model-types/{trained}?environment=staging")
    version = page.locator("#versions .stacks tbody tr").first
    expect(version).to_contain_text("Not tested for this environment")
    expect(version.get_by_role("button", name="Deploy")).to_have_accessible_description(
        "It has not been tested for this environment. Retrain, or ask an engineer to run refit "
        "validate."
    )


def test_a_deployment_that_the_worker_refuses_says_why(
    lab: Lab, first: Callable[[], str], person_as: PersonAs
) -> None:
    name = first()
    model = lab.model(retrain(lab, name))
    page = person_as("operator").go(f"model-types/{name}")
    page.locator(f"#version-{model['id']}").get_by_role("button", name="Deploy").click()
    # Meanwhile its file is lost.
    lab.artifact_file(model["final_artifact_hash"] or model["artifact_hash"]).unlink()
    page.get_by_role("dialog").get_by_role("button", name="Deploy").click()
    expect(page.get_by_role("alert")).to_contain_text("artifact")
    assert serving(lab, name) == 1


def test_who_may_not_do_something_reads_why(trained: str, person_as: PersonAs) -> None:
    page = person_as("viewer").go(f"model-types/{trained}")
    for name, needed in (
        ("Retrain", "Operator"),
        ("Check now", "Operator"),
        ("Roll back to version 1", "Admin"),
        ("Change the settings", "Admin"),
    ):
        button = page.get_by_role("button", name=name)
        expect(button).to_have_attribute("aria-disabled", "true")
        expect(button).to_have_accessible_description(
            f"This needs the role {needed}; yours is Viewer. An admin can give you another one."
        )
    assert page.locator("dialog").count() == 0


def test_an_admin_changes_settings_and_a_wrong_value_is_named(
    lab: Lab, person_as: PersonAs
) -> None:
    name = lab.model_type(lab.table(20), owner="Anna de Vries")
    admin = person_as("admin")
    page = admin.go(f"model-types/{name}")
    page.get_by_role("link", name="Change the settings").click()
    page.get_by_label("Retrain when worse by").fill("300")
    page.get_by_label("Owner").fill("Bram")
    page.get_by_text("For engineers").click()
    page.get_by_label("Parameters of the engine").fill("[1]")
    page.get_by_role("button", name="Save").click()
    said = page.get_by_role("alert")
    expect(said).to_contain_text("Retrain when worse by: This must be a number from 0.01 to 100.")
    # The browser says of itself that a page came with status 422.
    admin.complaints.clear()
    expect(said).to_contain_text("Parameters of the engine: This must be a JSON object")
    wrong = page.get_by_label("Retrain when worse by")
    expect(wrong).to_have_attribute("aria-invalid", "true")
    expect(wrong).to_have_value("300")
    expect(page.get_by_label("Owner")).to_have_value("Bram")
    assert admin.violations() == []
    assert lab.store.get_model_type(name).owner == "Anna de Vries"

    wrong.fill("5")
    page.get_by_label("Parameters of the engine").fill("{}")
    page.get_by_label("Most trainings in a month").fill("")
    page.get_by_label("Look after this model").uncheck()
    page.get_by_label("How far back it learns").select_option("adaptive")
    page.get_by_label("A case counts half as much after").fill("28")
    page.get_by_label("Rare outcomes count").select_option("balanced")
    page.get_by_label("Cases belong together by").fill("id")
    page.get_by_label("Must not get worse for any").fill("a\nb")
    page.get_by_label("A prediction may take at most").fill("12,5")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="The settings are saved.")).to_be_visible()
    expect(page.locator("#settings")).to_contain_text("5 points")
    expect(page.get_by_text("Switched off")).to_be_visible()
    stored = lab.store.get_model_type(name)
    assert (stored.retraining_threshold, stored.owner, stored.enabled) == (0.05, "Bram", False)
    assert stored.monthly_retraining_budget is None
    assert (stored.window_strategy, stored.class_weight) == ("adaptive", "balanced")
    assert (stored.recency_half_life, stored.latency_budget_ms) == (timedelta(days=28), 12.5)
    assert (stored.entity_column, stored.slice_columns) == ("id", ("a", "b"))
    assert (stored.size_budget_mb, stored.dry_run_gates) == (None, ())


def test_what_only_the_engine_can_judge_is_named_too(trained: str, person_as: PersonAs) -> None:
    admin = person_as("admin")
    page = admin.go(f"model-types/{trained}/settings")
    page.get_by_text("For engineers").click()
    page.get_by_label("Engine", exact=True).fill("not a name!")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Engine: ")
    expect(page.get_by_label("Engine", exact=True)).to_be_visible()
    admin.complaints.clear()  # of the status 422


def test_checks_and_versions_are_exported(trained: str, person_as: PersonAs) -> None:
    person = person_as("viewer")
    page = person.go(f"model-types/{trained}?days=90")
    files = {}
    for part in ("performance", "versions"):
        with page.expect_download() as download:
            page.locator(f"#{part}").get_by_role("link", name="Export as CSV").click()
        text = download.value.path().read_text("utf-8-sig")
        files[part] = list(csv.DictReader(StringIO(text)))
        assert download.value.suggested_filename.startswith(f"{trained}-{part}-")
    assert len(files["performance"]) == 40
    newest = files["performance"][0]
    assert (newest["version"], newest["verdict"], newest["limit"]) == ("2", "degraded", "0.84")
    assert float(newest["value_low"]) < float(newest["value"]) < float(newest["value_high"])
    assert [row["version"] for row in files["versions"]] == ["3", "2", "1"]
    assert [row["standing"] for row in files["versions"]] == ["deployable", "serving", "stale"]


def test_a_model_type_without_anything_says_what_fills_the_page(
    lab: Lab, person_as: PersonAs
) -> None:
    name = lab.model_type(lab.table(20))
    operator = person_as("operator")
    page = operator.go(f"model-types/{name}")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    for part, said in (
        ("top", "A first training makes one."),
        ("performance", "There is nothing to measure until a version is in use."),
        ("data_quality", "The data was not looked at yet"),
        ("versions", "There is no version yet."),
        ("deployments", "No version has been in use in this environment yet."),
    ):
        expect(page.locator(f"#{part}")).to_contain_text(said)
    expect(page.get_by_role("button", name="Check now")).to_have_accessible_description(
        "There is no model in use to check."
    )
    expect(page.locator(".figures")).not_to_contain_text("Owner")
    assert operator.violations() == []


def test_a_model_type_that_is_not_there_is_said_to_be_missing(person_as: PersonAs) -> None:
    person = person_as("viewer")
    page = person.go("model-types/nothing_of_the_kind")
    expect(page.get_by_role("heading", level=1)).to_have_text("This did not work")
    expect(page.locator("main")).to_contain_text("There is no model type nothing_of_the_kind.")
    person.complaints.clear()  # of the status 404


@pytest.mark.parametrize(
    ("locale", "scheme", "width"), [("en", "light", 1440), ("nl", "dark", 360)]
)
def test_everybody_can_use_it(
    trained: str, person_as: PersonAs, locale: str, scheme: str, width: int
) -> None:
    admin = person_as("admin", locale=locale, color_scheme=scheme, width=width)
    page = admin.go(f"model-types/{trained}")
    expect(page.locator("html")).to_have_attribute("lang", locale)
    for part in ("performance", "data_quality"):
        page.locator(f"#{part} figure").scroll_into_view_if_needed()
        expect(page.locator(f"#{part} .plot .main-svg").first).to_be_visible()
    for summary in page.locator("summary").all():
        summary.press("Enter")
    for part in ("versions", "deployments"):
        table = page.locator(f"#{part} table").first
        assert table.evaluate("e => e.scrollWidth <= e.parentElement.clientWidth"), part
    expect(page.get_by_role("row").filter(has=page.get_by_role("rowheader"))).not_to_have_count(0)
    assert left_in_english(page, locale) == []
    assert not admin.is_wider_than_the_screen()
    assert admin.violations() == []
    page.locator("#deployments button").first.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page = admin.go(f"model-types/{trained}/settings")
    page.locator("summary").press("Enter")
    assert not admin.is_wider_than_the_screen()
    assert admin.violations() == []


# In words ---------------------------------------------------------------------------------


def compared(metric: str, low: float, high: float, **changes: Any) -> dict[str, Any]:
    validation = {
        "verdict": "approved", "auto_deployable": True, "improvement": (low + high) / 2,
        "confidence_interval": [low, high], "gates": [], "reason": "", **changes,
    }  # fmt: skip
    model: dict[str, Any] = {"final_fit": None, "metrics": {}}
    return show_comparison(
        {"model": model, "validation": validation, "champion": None}, ENGLISH, metric
    )


def test_the_interval_of_a_gain_names_its_unit_once() -> None:
    assert compared("accuracy", -0.008, 0.056)["interval"] == "between −0.8 and +5.6 points"
    assert compared("mae", -0.008, 0.056)["interval"] == "between −0.8% and +5.6%"
    assert compared("accuracy", 0.0, 0.02)["interval"] == "between 0 and +2 points"


def test_a_version_that_may_be_a_little_worse_says_why_that_is_enough() -> None:
    replaced = compared("accuracy", -0.008, 0.056)["why_enough"]
    assert "worse by less than 1.5 points" in replaced
    assert "The model in use got worse" in replaced
    waiting = compared("accuracy", -0.008, 0.056, auto_deployable=False)["why_enough"]
    assert waiting.endswith("It is not surely better, so a person decides.")
    assert compared("accuracy", 0.002, 0.056)["why_enough"] is None
    assert compared("accuracy", -0.05, 0.056, verdict="inconclusive")["why_enough"] is None
    assert NON_INFERIORITY == gates.NON_INFERIORITY


@pytest.mark.parametrize(
    ("given", "unit"), [("1", "hour"), ("0", "hours"), ("2,5", "hours"), ("soon", "hours")]
)
def test_a_unit_goes_with_its_number(given: str, unit: str) -> None:
    hours = Field(name="x", label="X", unit=lambda value: "hour" if value == 1 else "hours")
    assert unit_of(hours, given) == unit
