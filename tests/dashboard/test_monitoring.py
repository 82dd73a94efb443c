"""What watching a model shows on its page, in real Chromium, from rows that SQL itself stored."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from core.backtest.figures import policy_figures
from core.backtest.records import Policy
from core.backtest.replay import replay
from core.backtest.report import report_data
from core.backtest.sweep import Cell, grid_around
from core.errors import Forbidden, InvalidRequest
from core.explanations.words import ENGLISH
from core.monitoring import drift_windows, single_look
from functions.dashboard import drift_map, evidence_chart
from functions.dashboard.drift_map import show_drift
from functions.dashboard.estimate_chart import show_estimates
from functions.dashboard.evidence_chart import show_evidence
from functions.dashboard.forest_plot import MOST_SLICES, forest_panels, left_out
from functions.dashboard.model_comparison import show_gate
from tests.backtest.streams import BEGIN, WEEK, make_model_type, make_stream
from tests.dashboard.conftest import PersonAs
from tests.dashboard.test_model_type import left_in_english
from tests.dashboard.watched import (
    column,
    drift,
    estimate,
    judged_gates,
    level,
    moment,
    watched,
)
from tests.database.factories import Row, Scene
from tests.worker.lab import Lab

NAME = "watched"
TOLD = "told"


@pytest.fixture(scope="module")
def scene(lab: Lab) -> Scene:
    """A type that was watched for days, and one without a model whose history was replayed."""
    scene = Scene(database=lab.database, owner=lab.owner, store=lab.store)
    watched(scene, NAME)
    scene.model_type("new")
    return scene


@pytest.fixture(scope="module")
def report() -> Row:
    """Of a real backtest: ten weeks whose world changes in the fourth."""
    found = replay(make_stream(), make_model_type(), start=BEGIN + 6 * WEEK, step=WEEK)
    figures = policy_figures(found)[Policy.REFIT]
    cells = [
        Cell(retraining_threshold=a, auto_deployment_threshold=b, figures=figures)
        for a, b in grid_around(found.model_type)
    ]
    return report_data(found, cells) | {"model_type": TOLD}


def part(page: Page, name: str) -> Any:
    found = page.locator(f"#{name}")
    found.scroll_into_view_if_needed()
    return found


def table_of(chart: Any) -> Any:
    """The rows of a chart's table, opened by keyboard."""
    chart.locator("summary").first.press("Enter")
    return chart.locator("details tbody tr")


# The page ---------------------------------------------------------------------------------------


def test_the_level_is_shown_against_its_two_lines(scene: Scene, person_as: PersonAs) -> None:
    page = person_as("viewer").go(f"model-types/{NAME}")
    evidence = part(page, "evidence")
    expect(evidence).to_contain_text(
        "The outcomes of 520 cases show that the model got worse: the level is 6,200, and 5,000 is "
        "an alarm."
    )
    expect(evidence.locator(".badge")).to_have_text("Alarm")
    expect(evidence.locator(".main-svg").first).to_be_visible()
    names = evidence.locator(".legendtext")
    expect(names).to_have_text(
        ["Since it is in use", "Since the last training", "A training starts", "Alarm"]
    )
    drawn = page.evaluate(
        """() => {
            const plot = document.querySelector("#evidence .plot");
            return { type: plot.layout.yaxis.type, lines: plot.data.map((line) => line.y.at(-1)) };
        }"""
    )
    assert drawn == {"type": "log", "lines": [6200, 3100, 1000, 5000]}
    rows = table_of(evidence)
    expect(rows).to_have_count(6)
    expect(rows.nth(0)).to_contain_text("6,200")
    expect(rows.nth(1)).to_contain_text("Being watched")
    expect(rows.nth(5)).to_contain_text("Calm")


def test_the_estimate_is_shown_with_its_band_and_says_when_it_cannot_be_trusted(
    scene: Scene, person_as: PersonAs
) -> None:
    page = person_as("viewer").go(f"model-types/{NAME}")
    shown = part(page, "estimate")
    expect(shown).to_contain_text("The newest 640 cases are too unlike those that the model was")
    expect(shown.locator(".main-svg").first).to_be_visible()
    band = page.evaluate(
        """() => document.querySelector("#estimate .plot").data.slice(0, 2).map((edge) => edge.y)"""
    )
    assert band == [[0.78] * 5, [0.84] * 5]
    rows = table_of(shown)
    expect(rows.nth(0)).to_contain_text("Not to be trusted now")
    expect(rows.nth(1)).to_contain_text("Worse than usual")
    expect(rows.nth(1)).to_contain_text("77%")
    expect(rows.nth(1)).to_contain_text("78% – 84%")


def test_the_heat_map_has_a_row_for_each_column_the_most_important_first(
    scene: Scene, person_as: PersonAs
) -> None:
    page = person_as("viewer").go(f"model-types/{NAME}")
    shown = part(page, "drift")
    expect(shown).to_contain_text(
        "In the newest 640 cases “visits” moved; of what the model goes by, that is 61%. That was "
        "so in 2 of the last 3 windows, so a training may start."
    )
    heat = shown.locator("table.heat")
    expect(heat.get_by_role("rowheader")).to_have_text(
        ["visits", "plan", "days_since_last_order", "Its predictions", "The outcomes"]
    )
    expect(heat.get_by_role("columnheader")).to_have_count(2 + 6)
    cells = heat.locator("tbody tr").first.locator(".cell")
    said = [text.strip() for text in cells.locator(".sr").all_inner_texts()]
    assert said == ["As it was"] * 2 + ["Moved a little", "As it was", "Moved", "Moved far"]
    expect(cells.nth(5)).to_have_class("cell severe")
    rows = table_of(shown)
    expect(rows.first).to_contain_text("0.45")
    expect(rows.first).to_contain_text("0% → 2%")


def test_findings_that_stop_a_training_come_before_warnings(
    scene: Scene, person_as: PersonAs
) -> None:
    page = person_as("viewer").go(f"model-types/{NAME}")
    quality = part(page, "data_quality")
    expect(quality).to_contain_text("72 out of 100: usable")
    findings = quality.locator(".findings li")
    expect(findings).to_contain_text(
        ["Stops the training Empty column. The column “visits” is empty", "Warning Column that"]
    )


def test_tests_with_intervals_are_a_forest_with_their_slices(
    scene: Scene, person_as: PersonAs
) -> None:
    page = person_as("viewer").go(f"model-types/{NAME}")
    forest = part(page, "comparison").locator("table.forest")
    panels = forest.locator("tbody")
    expect(panels).to_have_count(3)
    lines = panels.first.get_by_role("row")
    expect(lines.nth(0)).to_have_text("Gain over the model in use")
    # The slice that did worst comes first, whatever the whole is like.
    expect(lines.nth(2)).to_contain_text("plan: flex")
    expect(lines.nth(2)).to_contain_text("Not sure yet")
    expect(lines.nth(3)).to_contain_text("As good")
    expect(page.locator("#comparison")).to_contain_text("1 group has no line")
    # The bar of the whole lies right of the dashed line; that of the slice reaches over it.
    edges = lines.evaluate_all(
        """(rows) => rows.slice(1).map((row) => {
            const from = (name) => row.querySelector(name).getBBox().x;
            return from(".bar") - from(".margin");
        })"""
    )
    assert edges[0] > 0 > edges[1]


@pytest.mark.parametrize(
    ("locale", "scheme", "width"), [("nl", "dark", 360), ("en", "light", 1440)]
)
def test_it_is_readable_in_both_languages_dark_and_light_wide_and_narrow(
    scene: Scene, person_as: PersonAs, locale: str, scheme: str, width: int
) -> None:
    person = person_as("viewer", locale=locale, color_scheme=scheme, width=width)
    for place in (f"model-types/{NAME}", f"model-types/{TOLD}/backtest"):
        page = person.go(place)
        for chart in page.locator("figure[data-chart]").all():
            chart.scroll_into_view_if_needed()
            expect(chart.locator(".main-svg").first).to_be_visible()
        assert person.violations() == []
        assert not person.is_wider_than_the_screen()
        assert left_in_english(page, locale) == []
    if width == 360:
        page = person.go(f"model-types/{NAME}")
        newest = part(page, "drift").locator("table.heat tbody tr").first.locator(".cell").last
        expect(newest).to_be_in_viewport()


def test_where_nothing_was_watched_yet_it_says_what_comes(
    scene: Scene, person_as: PersonAs
) -> None:
    page = person_as("viewer").go("model-types/new")
    expect(part(page, "evidence")).to_contain_text("There is nothing to watch until")
    expect(part(page, "estimate")).to_contain_text("There is nothing to estimate until")
    expect(part(page, "drift")).to_contain_text("There is nothing to compare with until")
    page.get_by_role("link", name="Backtest").press("Enter")
    expect(page.get_by_role("heading", name="No backtest yet")).to_be_visible()
    expect(page.locator("pre")).to_have_text("refit backtest new --store")


# The backtest -----------------------------------------------------------------------------------


@pytest.fixture(scope="module", autouse=True)
def told(scene: Scene, report: Row) -> None:
    """A model type whose history was replayed."""
    scene.model_type(TOLD, title="Who buys again")
    scene.store.record_backtest(TOLD, report)


def test_a_backtest_says_what_each_way_costs_and_brings(report: Row, person_as: PersonAs) -> None:
    page = person_as("viewer").go(f"model-types/{TOLD}/backtest")
    expect(page.get_by_role("heading", level=1)).to_have_text("Backtest of Who buys again")
    refit = report["policies"]["refit"]
    value = ENGLISH.numbers.percent(refit["accuracy"])
    expect(page.locator("#policies")).to_contain_text(
        f"With Refit: Accuracy {value}, after {refit['retrainings']} trainings."
    )
    own = page.locator("#policy-refit")
    expect(own.get_by_role("cell").nth(0)).to_have_text(value)
    expect(page.locator("#policies tbody tr")).to_have_count(4)
    done = [event for event in report["events"] if event["action"] != "none"]
    expect(page.locator("#done tbody tr")).to_have_count(len(done))
    expect(page.locator("#done tbody tr").last).to_contain_text("Retrained and put in use")
    part(page, "over-time")
    expect(page.locator("#over-time .legendtext").first).to_have_text("Refit")
    expect(table_of(page.locator("#over-time"))).to_have_count(report["steps"])
    expect(page.locator("#sweep tbody tr")).to_have_count(9)
    expect(page.locator("#sweep tr.own")).to_contain_text("As set now")


def test_the_newest_five_backtests_are_kept_and_the_newest_is_shown(
    scene: Scene, report: Row
) -> None:
    scene.model_type("often")
    for rows in range(7):
        scene.store.record_backtest("often", report | {"model_type": "often", "rows": rows})
    kept = scene.rows(
        "select (report ->> 'rows')::int as rows from private.backtest_reports "
        "where model_type = 'often' order by created_at"
    )
    assert [row["rows"] for row in kept] == [2, 3, 4, 5, 6]
    shown = scene.as_user("viewer").get_backtest("often")
    assert shown["backtest"]["report"]["rows"] == 6


def test_a_report_that_is_of_another_type_or_too_large_is_refused(
    scene: Scene, report: Row
) -> None:
    with pytest.raises(InvalidRequest, match="no report of a backtest of new"):
        scene.store.record_backtest("new", report)
    with pytest.raises(InvalidRequest, match="larger than 1 MB"):
        scene.store.record_backtest("new", {"model_type": "new", "text": "x" * 2**20})
    with pytest.raises(Forbidden):
        scene.as_user("viewer").record_backtest("new", {"model_type": "new"})


# The words --------------------------------------------------------------------------------------


def watching(**changes: Any) -> Row:
    deployment = {"reference": {"samples": 2000}}
    found = {"deployment": deployment, "latest_check": None}
    return {**found, "levels": [], "estimates": [], "drift": [], **changes}


@pytest.mark.parametrize(
    ("heights", "label"),
    [
        ((900.0, 900.0), "Calm"),
        ((1200.0, 1000.0), "A training may start"),
        ((1200.0, 20.0), "Being watched"),
        ((5000.0, 0.0), "Alarm"),
    ],
)
def test_a_level_is_judged_by_the_line_that_it_reached(
    heights: tuple[float, float], label: str
) -> None:
    found = level(*heights, labels=400) | {"at": moment(0).isoformat()}
    shown = show_evidence(watching(levels=[found]), ENGLISH, "en")
    assert shown["label"] == label
    assert shown["figure"]["data"][1]["y"] == [max(heights[1], 1.0)], "no logarithm of nothing"


def test_where_there_is_no_evidence_it_says_why() -> None:
    small = watching(deployment={"reference": {"samples": 300}})
    assert "tested on 300 cases; from 500 on" in show_evidence(small, ENGLISH, "en")["says"]
    assert "No evidence yet" in show_evidence(watching(), ENGLISH, "en")["says"]
    assert "and 500 new cases are there" in show_drift(watching(), ENGLISH)["says"]
    assert "No estimate yet" in show_estimates(watching(), ENGLISH, "en")["says"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"value": 0.8}, "Accuracy is probably 80% on the newest 640 cases; 78% to 84% is usual."),
        ({"value": 0.7}, "worse than what is usual (78% to 84%). That may start a training"),
        ({"value": None, "status": "off", "mean_error": 0.031}, "were off by 3.1 points once"),
        (
            {"value": None, "status": "insufficient_data", "rows_needed": 900},
            "There are 640 new cases; an estimate needs 900.",
        ),
        ({"value": None, "status": "insufficient_data"}, "cannot be estimated without outcomes"),
    ],
)
def test_an_estimate_says_what_it_is_worth(given: Row, said: str) -> None:
    found = estimate(**given) | {"at": moment(0).isoformat(), "realised": None}
    assert said in show_estimates(watching(estimates=[found]), ENGLISH, "en")["says"]


def test_of_many_columns_the_most_important_are_drawn_and_the_rest_is_in_the_table() -> None:
    report = drift(0, 0.0) | {
        "features": [column(f"x{n}", 0.3, importance=1 / 30).as_json() for n in range(30)]
    }
    shown = show_drift(watching(drift=[report]), ENGLISH)
    assert (len(shown["rows"]), shown["left_out"], len(shown["figures"])) == (22, 10, 32)


def test_a_window_of_too_few_rows_is_an_empty_column() -> None:
    few = drift(1, 0.0, rows=12) | {"features": [], "target": None, "prediction": None}
    shown = show_drift(watching(drift=[drift(0, 0.3), few]), ENGLISH)
    assert shown["says"] == "The newest window has 12 cases: too few to tell."
    assert [row["cells"][1]["says"] for row in shown["rows"]] == ["Not looked at"] * 5
    assert shown["rows"][0]["cells"][0]["says"] == "Moved"


def test_of_many_slices_the_worst_are_drawn_and_the_others_counted() -> None:
    gate = next(gate for gate in judged_gates() if gate.name == "slices").as_json()
    one = next(s for s in gate["figures"]["slices"] if s["verdict"] == "as_good")
    gate["figures"]["slices"] = [one | {"value": n, "improvement": n / 100} for n in range(20)]
    lines = forest_panels([gate], ENGLISH, "accuracy")[0]["lines"]
    assert [line["label"] for line in lines] == [f"plan: {n}" for n in range(MOST_SLICES)]
    assert left_out([gate]) == 20 - MOST_SLICES + gate["figures"]["unassessed"]


def test_the_gain_that_is_deployed_by_itself_is_not_the_margin_of_as_good() -> None:
    gate = next(g for g in judged_gates() if g.name == "better_than_champion").as_json()
    assert gate["threshold"] == -0.015
    assert show_gate(gate, ENGLISH, "accuracy")["deployed_from"] == "+2 points"
    earlier = gate | {"threshold": 0.03, "figures": {}}
    assert show_gate(earlier, ENGLISH, "accuracy")["deployed_from"] == "+3 points"
    unknown = gate | {"figures": {"outcome": "no_common_rows"}}
    assert show_gate(unknown, ENGLISH, "accuracy")["deployed_from"] is None


def test_gates_without_an_interval_are_no_forest() -> None:
    gates = [gate.as_json() for gate in judged_gates() if gate.name in {"latency", "enough_rows"}]
    assert forest_panels(gates, ENGLISH, "accuracy") == []


def test_the_pages_know_what_monitoring_goes_by() -> None:
    assert drift_map.WANTED_ROWS == drift_windows.WANTED_ROWS
    assert drift_map.WINDOWS_KEPT == drift_windows.WINDOWS_KEPT
    assert drift_map.WINDOWS_NEEDED == drift_windows.WINDOWS_NEEDED
    assert evidence_chart.FULL_REFERENCE == single_look.FULL_REFERENCE
