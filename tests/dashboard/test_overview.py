"""The first page: what people see of their models, and that it follows what happens."""

from __future__ import annotations

import doctest
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.domain import Environment, Role
from core.errors import Forbidden, InvalidRequest
from core.store import Store
from functions.dashboard import overview_cards, sparkline
from functions.dashboard.performance_table import limit_of
from functions.dashboard.sparkline import divide, draw_sparkline
from tests.dashboard.conftest import PersonAs
from tests.database.factories import Scene, actor, user
from tests.functions.served import Server
from tests.worker.lab import Lab

CALM_MS = 30_000


@pytest.fixture(scope="module")
def scene(lab: Lab) -> Scene:
    return Scene(database=lab.database, owner=lab.owner, store=lab.store)


@pytest.fixture(scope="module")
def churn(scene: Scene) -> str:
    """A model type that serves, got worse, and was told of."""
    name = scene.model_type(
        "churn", title="Churn", description="Which customers are about to leave."
    )
    champion = scene.champion(name)
    measured(scene, champion, [0.81, 0.8, 0.79, 0.76, 0.7])
    return name


def measured(scene: Scene, champion: dict[str, object], values: list[float]) -> None:
    """Checks of a champion, an hour apart until now."""
    for age, value in enumerate(reversed(values)):
        scene.owner.execute(
            "insert into ml_performance_metrics (recorded_at, model_type, environment, model_id,"
            " deployment_id, window_start, window_end, metric, baseline, value, degradation,"
            " p_value, samples, threshold, verdict, needs_retraining, reason)"
            " values (%s, %s, 'production', %s, %s, now() - interval '7 days', now(), 'accuracy',"
            " 0.8, %s, %s, 0.001, 500, 0.03, %s, false, 'As measured.')",
            (
                datetime.now(UTC) - timedelta(hours=age),
                *(champion["model_type"], champion["model_id"], champion["id"]),
                *(value, 0.8 - value, "degraded" if value < 0.77 else "healthy"),
            ),
        )


def alert(scene: Scene, model_type: str, kind: str = "data_quality") -> str:
    """An alert that stands; returns its id."""
    row = scene.row(
        "insert into ml_alerts (model_type, environment, kind, severity, message)"
        " values (%s, 'production', %s, 'warning', 'Half of the column price is missing.')"
        " returning id",
        *(model_type, kind),
    )
    return str(row["id"])


def pass_time(page: Page, milliseconds: int = CALM_MS) -> None:
    """Let the page believe that so much time went by; its clock was installed before."""
    page.clock.fast_forward(milliseconds)


# The first test of the module: the others make model types. ------------------------------


def test_without_any_model_type_it_shows_the_three_commands_until_one_is_there(
    scene: Scene, person_as: PersonAs
) -> None:
    person = person_as("viewer")
    person.page.clock.install()
    page = person.go()

    for command in ("import-csv churn.csv", "model-types create churn", "retrain churn --force"):
        expect(page.locator("pre", has_text=f"refit {command}")).to_be_visible()
    assert person.violations() == []

    scene.model_type("first", title="First of all")
    pass_time(page)
    expect(page.get_by_role("heading", name="First of all")).to_be_visible()
    expect(page.get_by_role("heading", name="Nothing to look after yet")).to_have_count(0)


# What is shown --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("locale", "color_scheme", "width", "said"),
    [
        ("en", "light", 1440, "Got worse"),
        ("nl", "dark", 360, "Slechter geworden"),
    ],
)
def test_a_card_says_in_words_how_a_model_is(
    churn: str, person_as: PersonAs, locale: str, color_scheme: str, width: int, said: str
) -> None:
    person = person_as("operator", locale=locale, color_scheme=color_scheme, width=width)
    page = person.go()

    card = page.get_by_role("article", name="Churn")
    expect(card.get_by_text(said, exact=True)).to_be_visible()
    expect(card.get_by_text("70%", exact=True)).to_be_visible()
    drawn = card.get_by_role("img")
    assert "77" in (drawn.get_attribute("aria-label") or ""), "the limit is told in words, too"
    assert card.locator(".line").bounding_box(), "the line is drawn"
    card.locator("summary").click()
    expect(card.locator(".meaning p")).to_be_visible()
    assert person.violations() == []
    assert not person.is_wider_than_the_screen()


def test_a_viewer_is_told_why_buttons_cannot_be_pressed(
    churn: str, scene: Scene, person_as: PersonAs
) -> None:
    alert(scene, "churn", "deployment_issue")
    person = person_as("viewer", width=360)
    page = person.go()

    for name in ("Retrain Churn", "Check now Churn", "I look after it Churn", "Snooze Churn"):
        button = page.get_by_role("button", name=name)
        expect(button).to_have_attribute("aria-disabled", "true")
        expect(button).to_have_accessible_description(
            "This needs the role Operator; yours is Viewer. An admin can give you another one."
        )
        button.focus()
        expect(button.locator("xpath=../*[@role='tooltip']")).to_be_visible()
    assert person.violations() == []
    assert not person.is_wider_than_the_screen()
    scene.owner.execute("update ml_alerts set status = 'resolved', resolved_at = now()")


def test_what_cannot_be_checked_or_retrained_says_why(scene: Scene, person_as: PersonAs) -> None:
    scene.model_type("off", title="Switched off")
    scene.store.update_model_type("off", {"enabled": False})
    page = person_as("operator").go()

    card = page.get_by_role("article", name="Switched off")
    expect(card.get_by_role("button", name="Check now")).to_have_accessible_description(
        "There is nothing to check: no model is in use yet."
    )
    expect(card.get_by_role("button", name="Retrain")).to_have_accessible_description(
        "It is switched off in its settings."
    )


def test_many_model_types_come_in_pages(scene: Scene, person_as: PersonAs) -> None:
    for i in range(12):
        scene.model_type(f"many_{i}", title=f"One of many {i:02}")
    person = person_as("operator")
    page = person.go()
    expect(page.get_by_role("article")).to_have_count(12)

    page.get_by_role("link", name="Next", exact=True).click()
    expect(page.get_by_text("Page 2 of 2")).to_be_visible()
    expect(page.get_by_role("article", name="One of many 11")).to_be_visible()
    page.get_by_role("link", name="Previous").click()
    expect(page.get_by_role("article", name="Churn")).to_be_visible()


# Alerts ---------------------------------------------------------------------------------


def test_an_alert_is_looked_after_and_snoozed_by_keyboard(
    churn: str, scene: Scene, person_as: PersonAs
) -> None:
    made = alert(scene, churn)
    page = person_as("operator").go()
    line = page.locator(f"#alert-{made}")

    page.get_by_role("button", name="I look after it Churn").press("Enter")
    expect(page.get_by_role("status").get_by_text("You look after it")).to_be_visible()
    expect(line).to_contain_text("operator of the test")
    expect(page.get_by_role("button", name="I look after it Churn")).to_have_count(0)

    line.locator("summary").press("Enter")
    page.keyboard.press("Tab")
    expect(line.get_by_role("button", name="1 hour")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Snoozed for 1 hour: Problem in the data.")).to_be_visible()
    expect(line).to_contain_text("Snoozed until")
    until = scene.row("select snoozed_until from ml_alerts where id = %s", made)["snoozed_until"]
    assert timedelta(minutes=58) < until - datetime.now(UTC) < timedelta(minutes=61)


def test_what_cannot_be_snoozed_any_more_says_why(
    churn: str, scene: Scene, person_as: PersonAs
) -> None:
    made = alert(scene, churn, "training_failure")
    page = person_as("operator").go()
    line = page.locator(f"#alert-{made}")
    scene.owner.execute(
        "update ml_alerts set status = 'resolved', resolved_at = now() where id = %s", (made,)
    )

    line.locator("summary").click()
    line.get_by_role("button", name="1 week").click()
    expect(page.get_by_role("alert")).to_contain_text("is resolved already")


# Staying up to date ---------------------------------------------------------------------


@contextmanager
def held_up(lab: Lab, table: str) -> Iterator[None]:
    """Nobody can read a table: what trains on it goes on afterwards."""
    with lab.owner.transaction():
        lab.owner.execute(f"lock table {table} in access exclusive mode")
        yield


def test_a_running_job_shows_how_far_it_is_and_its_new_version_comes_without_a_reload(
    lab: Lab,
    scene: Scene,
    churn: str,
    server: Server,
    keys: dict[str, str],
    person_as: PersonAs,
    tmp_path: Path,
) -> None:
    scene.owner.execute("delete from private.workers")
    name = lab.model_type(title="Afresh")
    made = alert(scene, churn, "artifact_mismatch")  # this training does not solve it
    person = person_as("operator", width=700)
    person.page.clock.install()
    page = person.go()
    card = page.get_by_role("article", name="Afresh")
    expect(page.get_by_text("Nothing will run: no worker was seen")).to_be_visible()

    menu = page.locator(f"#snooze-{made}")
    menu.locator("summary").click()
    button = card.get_by_role("link", name="Retrain Afresh")
    button.focus()
    before = page.evaluate("scrollY")
    assert before > 0
    page.evaluate("document.documentElement.dataset.stays = 'yes'")  # gone after a reload

    with lab.worker(tmp_path):
        with held_up(lab, lab.table_of(name)):
            answer = server.post(
                "trigger_retraining", {"model_types": [name]}, key=keys["operator"]
            )
            assert answer.status == 202, answer.text
            pass_time(page)
            bar = card.get_by_role("progressbar", name="Training of Afresh")
            expect(bar).to_be_visible()
            expect(card.locator(".work a")).to_have_text("Reading the data")
            expect(page.locator("main")).to_have_attribute("data-busy", "true")
            assert float(bar.get_attribute("value") or 0) > 0
            expect(button).to_be_focused()
        expect(card).to_contain_text("version 1", timeout=30_000)
        assert page.evaluate("document.documentElement.dataset.stays") == "yes"
        assert page.evaluate("scrollY") > 0
        expect(button).to_be_focused()
        expect(menu).to_have_attribute("open", "")
        expect(page.locator("main")).not_to_have_attribute("data-busy", "true")
        card.get_by_role("button", name="Check now Afresh").click()
        told = page.locator(".notice")
        expect(told).to_contain_text(re.compile("Checked:|is under way"), timeout=20_000)
    expect(card.get_by_role("progressbar")).to_have_count(0)
    expect(page.get_by_text("Nothing will run: no worker was seen")).to_have_count(0)


def test_an_open_dialog_and_what_is_typed_in_it_survive_an_update(
    churn: str, scene: Scene, person_as: PersonAs
) -> None:
    person = person_as("operator")
    person.page.clock.install()
    page = person.go()
    page.get_by_role("link", name="Retrain Churn").click()
    reason = page.get_by_role("dialog").get_by_label("Why")
    reason.fill("A new campaign")

    made = alert(scene, churn, "training_failure")
    pass_time(page)
    expect(page.locator(f"#alert-{made}")).to_be_attached()
    expect(reason).to_be_focused()
    expect(reason).to_have_value("A new campaign")


def test_a_lost_connection_is_told_and_found_again(churn: str, person_as: PersonAs) -> None:
    person = person_as("operator")
    person.page.clock.install()
    page = person.go()
    freshness = page.locator("#freshness")
    expect(freshness).to_contain_text("Updated")

    person.context.set_offline(True)
    pass_time(page)
    expect(freshness).to_contain_text("The connection is lost.")
    expect(freshness).to_be_in_viewport()
    expect(page.get_by_role("article", name="Churn")).to_be_visible()

    person.context.set_offline(False)
    expect(freshness).to_contain_text("Updated")
    person.complaints[:] = [said for said in person.complaints if "INTERNET" not in said]


# The read -------------------------------------------------------------------------------


def test_who_has_no_role_reads_nothing_of_it(scene: Scene) -> None:
    with pytest.raises(Forbidden):
        scene.as_user(None).get_overview()


def test_a_signed_in_viewer_reads_what_a_key_reads(churn: str, scene: Scene) -> None:
    of_a_key = Store(scene.database, actor=actor(Role.VIEWER)).get_overview(limit=200)
    of_a_user = Store(scene.database, actor=user("viewer")).get_overview(limit=200)

    assert of_a_user == of_a_key
    assert churn in {row["name"] for row in of_a_key["model_types"]}


def test_an_environment_shows_only_its_own(churn: str, scene: Scene) -> None:
    found = scene.store.get_overview(Environment.STAGING, limit=200)

    row = next(row for row in found["model_types"] if row["name"] == churn)
    assert (row["champion"], row["checks"], row["latest_check"]) == (None, [], None)
    assert (found["serving"], found["jobs"], found["alerts"]) == (0, [], [])


def test_each_model_counts_once(churn: str, scene: Scene) -> None:
    models = scene.store.get_overview()["models"]

    total = scene.row("select count(*) as n from ml_models")["n"]
    assert models["total"] == total
    assert sum(models.values()) == 2 * total


def test_what_nobody_looks_after_is_counted_and_comes_first_the_worst_of_it_before_all(
    scene: Scene, person_as: PersonAs
) -> None:
    name = scene.model_type("alarmed", title="Alarmed")
    scene.owner.execute("update ml_alerts set status = 'resolved', resolved_at = now()")
    snoozed, seen, plain, urgent = (
        alert(scene, name, kind)
        for kind in (
            "training_failure", "deployment_issue", "data_quality", "performance_degradation",
        )
    )  # fmt: skip
    for statement, one in (
        ("snoozed_until = now() + interval '1 hour', severity = 'critical'", snoozed),
        ("status = 'acknowledged', acknowledged_at = now()", seen),
        ("severity = 'critical', created_at = now() - interval '1 day'", urgent),
    ):
        scene.owner.execute(f"update ml_alerts set {statement} where id = %s", (one,))

    found = scene.store.get_overview()

    assert [row["id"] for row in found["alerts"]] == [urgent, plain, snoozed, seen]
    assert found["open_alerts"] == {"total": 4, "unattended": 2}
    tile = person_as("viewer").go().locator(".figure", has_text="Open alerts")
    expect(tile).to_contain_text("4")
    expect(tile).to_contain_text("2 that nobody looks after yet")
    scene.owner.execute("update ml_alerts set status = 'resolved', resolved_at = now()")


def test_points_and_shares_of_an_error_are_averaged_apart(
    scene: Scene, person_as: PersonAs
) -> None:
    before = scene.store.get_overview()["improvement"]
    for name, metric, gains in (("right", "accuracy", (0.06, 0.08)), ("wrong", "mae", (0.255,))):
        scene.model_type(name)
        reference = {"metric": metric, "value": 0.8, "samples": 600}
        for number, gain in enumerate((0.9, *gains)):  # the first replaces none
            made = scene.champion(name, text=f"{name} {number}", reference=reference)
            scene.owner.execute(
                "update ml_model_validations set improvement = %s where id = %s",
                (gain, made["validation_id"]),
            )

    found = scene.store.get_overview()["improvement"]

    assert before == {"deployments": 0, "points": None, "errors": None}
    assert found["deployments"] == 3
    assert (found["points"], found["errors"]) == pytest.approx((0.07, 0.255))
    page = person_as("viewer").go()
    tile = page.locator(".figure", has_text="Average improvement")
    expect(tile).to_contain_text("+7 points; errors 25.5% lower")


@pytest.mark.parametrize(("limit", "offset"), [(0, 0), (201, 0), (12, -1)])
def test_a_part_that_makes_no_sense_is_refused(scene: Scene, limit: int, offset: int) -> None:
    with pytest.raises(InvalidRequest):
        scene.store.get_overview(limit=limit, offset=offset)


def test_a_check_that_measured_nothing_leaves_the_figure_before_it_on_the_card() -> None:
    champion = {"deployment_id": "d2", "reference": 0.8}
    checks: list[overview_cards.Row] = [
        {"deployment_id": deployment, "value": value}
        for deployment, value in (("d1", 0.6), ("d2", 0.7), ("d2", None))
    ]
    assert overview_cards._value(checks, champion) == 0.7
    assert overview_cards._value(checks[:1], champion) == 0.8
    assert overview_cards._value(checks, None) is None


# Drawings -------------------------------------------------------------------------------


def test_the_examples_of_the_drawings_hold() -> None:
    assert doctest.testmod(sparkline).failed == 0
    assert doctest.testmod(overview_cards).failed == 0


def test_a_line_leaves_out_what_was_not_measured() -> None:
    drawn = draw_sparkline([0.7, None, 0.9], [0.77, 0.77, 0.77])

    assert drawn is not None
    assert (drawn.line, drawn.limit) == ("M0 52 240 4", "M0 35H240")


def test_one_measurement_makes_no_line() -> None:
    assert draw_sparkline([None, 0.9], [None, 0.8]) is None


def test_equal_measurements_lie_in_the_middle() -> None:
    drawn = draw_sparkline([0.8, 0.8], [None, None])

    assert drawn is not None
    assert (drawn.line, drawn.limit) == ("M0 28 240 28", "")


def test_the_limit_of_an_error_is_above_its_baseline() -> None:
    assert limit_of({"metric": "mae", "baseline": 2.0, "threshold": 0.5}) == 3.0
    assert limit_of({"metric": "accuracy", "baseline": None, "threshold": 0.5}) is None


def test_the_limit_of_a_metric_of_ones_own_goes_by_its_stored_figures() -> None:
    profit = {"metric": "acme.metrics:profit", "baseline": 10.0, "threshold": 0.5}
    figures = {"higher_is_better": True, "in_points": True}
    assert limit_of(profit | {"figures": figures}) == 9.5
    assert limit_of(profit | {"figures": figures | {"in_points": False}}) == 5.0
    assert limit_of(profit | {"figures": figures | {"higher_is_better": False}}) == 10.5


def test_a_bar_of_nothing_has_no_pieces() -> None:
    assert divide({"approved": 0, "rejected": 0}) == []
