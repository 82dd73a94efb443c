"""What a model type's page reads: series thin enough to draw, and where each version stands."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from core.domain import Environment, OperationKind
from core.errors import InvalidRequest, NotFound, UnknownModelType
from tests.database.factories import Row, Scene, check_of, judgement, quality

NOW = datetime.now(UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def churn(scene: Scene) -> None:
    scene.model_type("churn")


def add_metrics(scene: Scene, champion: Row, values: list[float | None], **columns: Any) -> None:
    """Past checks of a champion, oldest first, a minute apart; the newest is a minute ago."""
    for index, value in enumerate(values):
        age = (len(values) - index) * MINUTE
        scene.owner.execute(
            """
            insert into ml_performance_metrics (
                recorded_at, as_of, model_type, environment, model_id, deployment_id,
                window_start, window_end, metric, baseline, value, degradation, ci_low, ci_high,
                samples, threshold, verdict, needs_retraining, reason
            ) values (
                %(recorded_at)s, %(as_of)s, %(model_type)s, 'production', %(model)s, %(id)s,
                now(), now(), %(metric)s, 0.9, %(value)s, 0.1, 0.05, 0.15, 500, 0.03,
                %(verdict)s, false, 'Seeded.'
            )
            """,
            {
                "recorded_at": NOW - age,
                "as_of": None,
                "model_type": champion["model_type"],
                "model": champion["model_id"],
                "id": champion["id"],
                "metric": "accuracy",
                "value": value,
                "verdict": "insufficient_data" if value is None else "healthy",
            }
            | columns,
        )


# Performance --------------------------------------------------------------------------------


def test_a_short_series_has_every_check_that_measured_something(scene: Scene) -> None:
    champion = scene.champion()
    add_metrics(scene, champion, [0.9, None, 0.8, 0.85])

    series = scene.store.get_performance_series("churn")

    assert [point["value"] for point in series["points"]] == [0.9, 0.8, 0.85]
    assert (series["checks"], series["measured"], series["metric"]) == (4, 3, "accuracy")
    assert {point["version"] for point in series["points"]} == {1}


def test_a_long_series_is_thinned_and_keeps_its_extremes(scene: Scene) -> None:
    champion = scene.champion()
    values = [0.8 + 0.001 * (index % 7) for index in range(100)]
    values[41], values[42] = 0.2, 0.99
    add_metrics(scene, champion, list(values))

    series = scene.store.get_performance_series("churn", days=1, points=10)

    points = [point["value"] for point in series["points"]]
    assert len(points) <= 10
    assert {0.2, 0.99} <= set(points)
    assert (series["checks"], series["measured"]) == (100, 100)
    assert [point["at"] for point in series["points"]] == sorted(
        point["at"] for point in series["points"]
    )


def test_the_newest_moment_makes_no_span_of_its_own(scene: Scene) -> None:
    scene.model_type("replayed", replay=True)
    champion = scene.champion("replayed")
    for index in range(40):
        add_metrics(scene, champion, [0.5 + index / 100], as_of=NOW + index * timedelta(hours=1))

    # Of a replay the newest check ends the series to the microsecond.
    series = scene.store.get_performance_series("replayed", days=2, points=10)

    assert len(series["points"]) <= 10
    assert series["points"][-1]["value"] == pytest.approx(0.89)


def test_a_replayed_series_ends_with_its_newest_check(scene: Scene) -> None:
    scene.model_type("replayed", replay=True)
    champion = scene.champion("replayed")
    then = datetime(2020, 6, 1, tzinfo=UTC)
    for days, value in ((0, 0.9), (10, 0.8), (200, 0.7)):
        add_metrics(scene, champion, [value], as_of=then - timedelta(days=days))

    series = scene.store.get_performance_series("replayed", days=30)

    assert [point["value"] for point in series["points"]] == [0.8, 0.9]
    assert datetime.fromisoformat(series["until"]) == then


def test_values_of_another_metric_are_not_on_the_line(scene: Scene) -> None:
    champion = scene.champion()
    add_metrics(scene, champion, [0.3, 0.3], metric="log_loss", recorded_at=NOW - 10 * MINUTE)
    add_metrics(scene, champion, [0.9])

    series = scene.store.get_performance_series("churn")

    assert [point["metric"] for point in series["points"]] == ["accuracy"]
    assert (series["checks"], series["measured"]) == (3, 1)


@pytest.mark.parametrize(
    ("days", "points", "named"), [(0, 500, "days"), (3651, 500, "days"), (30, 9, "points")]
)
def test_a_series_out_of_bounds_is_refused_by_name(
    scene: Scene, days: int, points: int, named: str
) -> None:
    with pytest.raises(InvalidRequest, match=named):
        scene.store.get_performance_series("churn", days=days, points=points)


# Data quality -------------------------------------------------------------------------------


def test_the_quality_of_a_span_is_its_worst(scene: Scene) -> None:
    for index, score in enumerate([0.9] * 30 + [0.1] + [0.9] * 30):
        scene.owner.execute(
            "insert into ml_training_data_quality (model_type, score, row_count, missing_share,"
            " duplicate_rows, findings, recorded_at)"
            " values ('churn', %s, 100, 0, 0, %s, %s)",
            (score, json.dumps(quality()["findings"]), NOW - index * MINUTE),
        )

    series = scene.store.get_model_type_page("churn")["quality"]
    assert len(series["points"]) == series["assessed"] == 61
    thin = scene.database.call("get_quality_series", {"p_model_type": "churn", "p_points": 10})
    assert len(thin["points"]) <= 10
    assert min(point["score"] for point in thin["points"]) == 0.1
    assert thin["newest"]["score"] == 0.9


# Versions -----------------------------------------------------------------------------------


def standings(scene: Scene, environment: Environment = Environment.PRODUCTION) -> dict[int, str]:
    rows = scene.store.list_model_versions("churn", environment=environment)["items"]
    return {row["version"]: row["standing"] for row in rows}


def test_each_version_says_whether_it_may_be_deployed_as_deploying_itself_does(
    scene: Scene,
) -> None:
    scene.champion()  # 1
    scene.challenger()  # 2: compared with 1
    scene.champion(text="second")  # 3: takes its place
    scene.trained(text="unjudged")  # 4
    scene.trained(  # 5
        text="rejected",
        validation=judgement("rejected", champion_deployment_id=scene.champion_id()),
    )
    scene.challenger(text="waiting")  # 6

    found = standings(scene)

    assert found == {
        1: "stale",
        2: "stale",
        3: "serving",
        4: "not_validated",
        5: "not_approved",
        6: "deployable",
    }
    # What the swap itself says of each.
    for version, standing in found.items():
        model = scene.row("select id from ml_models where version = %s", version)
        allowed = True
        try:
            scene.owner.execute(
                "select private.check_deployable(%s, 'production', false)", (model["id"],)
            )
        except Exception:  # noqa: BLE001 — any refusal of the database's
            allowed = False
        assert allowed is (standing in {"deployable", "serving"}), version
    assert standings(scene, Environment.STAGING)[6] == "not_validated"


def test_a_version_that_was_rolled_back_is_quarantined_and_the_earlier_one_is_announced(
    scene: Scene,
) -> None:
    scene.champion()
    assert scene.store.get_model_type_page("churn")["earlier_version"] is None
    scene.champion(text="second")
    announced = scene.store.get_model_type_page("churn")["earlier_version"]

    answer = scene.store.rollback_model("churn", reason="Wrong.")

    assert answer["deployment"]["model_version"] == announced == 1
    assert standings(scene) == {1: "serving", 2: "quarantined"}
    page = scene.store.get_model_type_page("churn")
    assert page["earlier_version"] is None
    newest = page["deployments"]["items"][0]
    assert (newest["model_version"], newest["rolled_back_version"]) == (1, 2)


def test_versions_and_deployments_come_in_pages(scene: Scene) -> None:
    for number in range(4):
        scene.champion(text=f"model {number}")
    seen: dict[str, list[int]] = {"versions": [], "deployments": []}
    cursors: dict[str, str | None] = {"versions": None, "deployments": None}
    for _page in range(2):
        page = scene.store.get_model_type_page(
            "churn",
            limit=2,
            versions_cursor=cursors["versions"],
            deployments_cursor=cursors["deployments"],
        )
        for part, field in (("versions", "version"), ("deployments", "model_version")):
            seen[part] += [row[field] for row in page[part]["items"]]
            cursors[part] = page[part]["next_cursor"]

    assert seen == {"versions": [4, 3, 2, 1], "deployments": [4, 3, 2, 1]}
    assert cursors == {"versions": None, "deployments": None}


# Comparison ---------------------------------------------------------------------------------


def test_the_newest_judged_version_is_compared_unless_another_is_asked_for(scene: Scene) -> None:
    first = scene.champion()
    challenger = scene.challenger()
    scene.trained(text="unjudged")

    newest = scene.store.get_model_type_page("churn")["comparison"]
    asked = scene.store.get_model_type_page("churn", compare=first["model_id"])["comparison"]

    assert newest["model"]["id"] == str(challenger["id"])
    assert newest["champion"]["version"] == 1
    assert newest["validation"]["gates"][0]["name"] == "enough_rows"
    assert (asked["model"]["version"], asked["champion"]) == (1, None)


def test_a_version_of_another_model_type_is_not_compared(scene: Scene) -> None:
    scene.model_type("visits")
    other = scene.champion("visits")
    for model_id in (other["model_id"], uuid4()):
        with pytest.raises(NotFound, match=str(model_id)):
            scene.store.get_model_type_page("churn", compare=model_id)


# The whole page -----------------------------------------------------------------------------


def test_a_model_type_that_does_not_exist_is_named(scene: Scene) -> None:
    with pytest.raises(UnknownModelType, match="chrun"):
        scene.store.get_model_type_page("chrun")


def test_what_waits_for_a_model_type_is_told_and_what_waits_for_others_is_not(
    scene: Scene,
) -> None:
    scene.model_type("visits")
    scene.champion()
    challenger = scene.challenger()
    scene.champion("visits")
    scene.queued_job("churn", force=True)
    scene.queued_operation(OperationKind.CHECK, model_types=["churn"])
    scene.queued_operation(OperationKind.DEPLOYMENT, model_ids=[challenger["id"]])
    scene.queued_operation(OperationKind.CHECK, model_types=["visits"])

    active = scene.store.get_model_type_page("churn")["active"]

    assert [job["status"] for job in active["jobs"]] == ["queued"]
    assert sorted(one["kind"] for one in active["operations"]) == ["check", "deployment"]
    assert active["has_worker"] is False
    assert scene.store.get_model_type_page("visits")["active"]["jobs"] == []


def test_the_most_urgent_alert_that_nobody_looks_after_comes_first(scene: Scene) -> None:
    for kind, severity, status in (
        ("deployment_issue", "critical", "acknowledged"),
        ("data_quality", "warning", "open"),
        ("training_failure", "critical", "open"),
    ):
        scene.owner.execute(
            "insert into ml_alerts (model_type, environment, kind, severity, message, status,"
            " acknowledged_at) values ('churn', 'production', %s, %s, 'Wrong.', %s, case when %s"
            " = 'acknowledged' then now() end)",
            (kind, severity, status, status),
        )

    alerts = scene.store.get_model_type_page("churn")["alerts"]

    assert [alert["kind"] for alert in alerts] == [
        "training_failure", "data_quality", "deployment_issue",
    ]  # fmt: skip


def test_the_newest_check_is_told_with_its_deployment(scene: Scene) -> None:
    champion = scene.champion()
    operation = scene.running_operation(OperationKind.CHECK, model_types=["churn"])
    scene.store.finish_operation(
        operation, {"status": "succeeded", "results": [check_of(champion)]}
    )

    page = scene.store.get_model_type_page("churn")

    assert page["latest_check"]["deployment_id"] == page["champion"]["id"] == str(champion["id"])
    assert page["latest_check"]["verdict"] == "degraded"
    assert [alert["kind"] for alert in page["alerts"]] == ["performance_degradation"]
    assert [one["version"] for one in page["deployed"]] == [1]
