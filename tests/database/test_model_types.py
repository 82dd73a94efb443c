"""Registering a prediction task: what it must say, and what may change later."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.domain import DRY_RUN_GATES, GATE_NAMES, ModelType, Task
from core.errors import Conflict, InvalidRequest
from tests.database.factories import Row, Scene, definition


def test_a_type_is_made_with_defaults_and_two_schedules(scene: Scene) -> None:
    made = scene.store.create_model_type(definition("churn"))

    assert made == ModelType(
        name="churn",
        source_relation="public.customers",
        key_columns=("id",),
        time_column="signed_up_at",
        target_column="left_us",
        feature_columns=("plan", "visits"),
        task=Task.CLASSIFICATION,
        metric="accuracy",
    )
    assert scene.store.get_model_type("churn") == made
    assert scene.store.list_model_types() == [made]
    schedules = scene.database.call("list_schedules", {})["items"]
    assert {(s["kind"], s["cron"], s["environment"]) for s in schedules} == {
        ("performance_check", "0 */4 * * *", "production"),
        ("forced_retraining", "30 3 * * 0", "production"),
    }


def test_a_type_keeps_what_it_was_made_with(scene: Scene) -> None:
    made = scene.store.create_model_type(
        definition(
            "price",
            task="regression",
            metric="mae",
            engine="ours.pipelines:make_pipeline",
            engine_parameters={"max_depth": None, "loss": "absolute_error"},
            label_delay="7 days",
            label_time_column="sold_at",
            training_window="90 days",
            title="House prices",
            owner=None,
            final_fit=False,
        )
    )

    assert made.engine_parameters == {"max_depth": None, "loss": "absolute_error"}
    assert (made.label_delay, made.training_window) == (timedelta(days=7), timedelta(days=90))
    assert (made.title, made.owner, made.final_fit) == ("House prices", "", False)


TRAINING: Row = {
    "window_strategy": "adaptive",
    "recency_half_life": "28 days",
    "class_weight": "balanced",
    "search_seconds": 600,
    "entity_column": "household",
    "slice_columns": ["plan", "country"],
    "latency_budget_ms": 12.5,
    "size_budget_mb": 0.5,
    "dry_run_gates": ["calibration"],
}


def training_settings(made: ModelType) -> Row:
    found = {name: getattr(made, name) for name in TRAINING}
    return found | {
        "recency_half_life": f"{made.recency_half_life.days} days"
        if made.recency_half_life
        else None,
        "slice_columns": list(made.slice_columns),
        "dry_run_gates": list(made.dry_run_gates),
    }


def test_how_a_type_is_trained_and_judged_is_made_and_changed(scene: Scene) -> None:
    made = scene.store.create_model_type(definition("churn", **TRAINING))
    plain = scene.store.create_model_type(
        definition("visits", slice_columns=None, window_strategy=None, recency_half_life=None)
    )
    changed = scene.store.update_model_type("visits", TRAINING)
    emptied = scene.store.update_model_type(
        "visits",
        {"recency_half_life": None, "entity_column": None, "latency_budget_ms": None}
        | {"size_budget_mb": None, "slice_columns": [], "dry_run_gates": []},
    )

    assert training_settings(made) == training_settings(changed) == TRAINING
    assert (plain.window_strategy, plain.slice_columns, plain.search_seconds) == ("sliding", (), 0)
    assert (emptied.recency_half_life, emptied.entity_column, emptied.slice_columns) == (
        None,
        None,
        (),
    )
    assert (emptied.latency_budget_ms, emptied.size_budget_mb) == (None, None)
    assert (emptied.dry_run_gates, emptied.window_strategy) == ((), "adaptive")


def test_what_may_be_a_dry_run_is_what_the_engines_take_for_one(scene: Scene) -> None:
    made = scene.store.create_model_type(definition("churn", dry_run_gates=list(DRY_RUN_GATES)))
    assert made.dry_run_gates == DRY_RUN_GATES
    for name in ({*GATE_NAMES} - {*DRY_RUN_GATES}) | {"luck"}:
        with pytest.raises(InvalidRequest, match="what fails there already stops the training"):
            scene.store.update_model_type("churn", {"dry_run_gates": [name]})


def test_a_change_of_how_a_type_is_trained_is_in_the_audit_log(scene: Scene) -> None:
    scene.model_type("churn")
    scene.store.update_model_type("churn", TRAINING)

    row = scene.row(
        "select before, after from workflow_audit_logs where action = 'model_type.updated'"
    )
    assert set(row["after"]) == set(TRAINING)
    assert row["before"]["window_strategy"] == "sliding"


def test_a_type_that_replays_the_past_has_no_schedules(scene: Scene) -> None:
    scene.model_type("replayed", replay=True)

    assert scene.database.call("list_schedules", {})["items"] == []


BREAKS: dict[str, Row] = {
    "ml_model_types_name_is_plain": {"name": "Churn!"},
    "ml_model_types_relation_is_qualified": {"source_relation": "customers"},
    "ml_model_types_has_keys": {"key_columns": []},
    "ml_model_types_has_features": {"feature_columns": []},
    "ml_model_types_target_is_no_feature": {"feature_columns": ["plan", "left_us"]},
    "ml_model_types_label_time_is_no_feature": {"label_time_column": "plan"},
    "ml_model_types_label_delay_in_range": {"label_delay": "-1 day"},
    "ml_model_types_engine_is_named": {"engine": "os.system"},
    "ml_model_types_parameters_are_an_object": {"engine_parameters": [1]},
    "ml_model_types_metric_fits_task": {"metric": "rmse"},
    "ml_model_types_window_in_range": {"training_window": "1 second"},
    "ml_model_types_retraining_threshold_in_range": {"retraining_threshold": 2},
    "ml_model_types_auto_deployment_threshold_in_range": {"auto_deployment_threshold": -0.1},
    "ml_model_types_min_training_samples_in_range": {"min_training_samples": 5},
    "ml_model_types_update_frequency_is_known": {"update_frequency": "yearly"},
    "ml_model_types_cool_down_in_range": {"cool_down": "-1 second"},
    "ml_model_types_budget_in_range": {"monthly_retraining_budget": -1},
    "ml_model_types_window_strategy_is_known": {"window_strategy": "wobbling"},
    "ml_model_types_half_life_in_range": {"recency_half_life": "1 second"},
    "ml_model_types_class_weight_is_known": {"class_weight": "heavy"},
    "ml_model_types_class_weight_fits_task": {
        "class_weight": "balanced",
        "task": "regression",
        "metric": "mae",
    },
    "ml_model_types_search_seconds_in_range": {"search_seconds": 86_401},
    "ml_model_types_slices_are_columns": {"slice_columns": ["plan", None]},
    "ml_model_types_latency_budget_in_range": {"latency_budget_ms": 0},
    "ml_model_types_size_budget_in_range": {"size_budget_mb": "NaN"},
    "ml_model_types_dry_run_gates_are_known": {"dry_run_gates": ["calibration", "data_quality"]},
}


def test_every_rule_of_the_table_says_itself_in_a_sentence(scene: Scene) -> None:
    rules = scene.rows(
        "select conname, obj_description(oid, 'pg_constraint') as sentence from pg_constraint "
        "where conrelid = 'ml_model_types'::regclass and contype = 'c'"
    )
    assert {r["conname"] for r in rules} == set(BREAKS)

    for rule in rules:
        broken = BREAKS[rule["conname"]]
        field = next(iter(broken))
        with pytest.raises(InvalidRequest) as refused:
            scene.store.create_model_type(definition(**broken))
        assert refused.value.message == rule["sentence"]
        assert field in refused.value.message
    assert scene.store.list_model_types() == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": "red"}, "A model type has no field colour.*Known fields: name, title"),
        ({"created_at": "2020-01-01"}, "no field created_at"),
        ({"time_column": None}, "A model type needs time_column"),
        ({"name": None}, "A model type needs name"),
        ({"task": "clustering"}, 'wrong kind.*ml_task: "clustering"'),
        ({"min_training_samples": "many"}, 'wrong kind.*"many"'),
        ({"key_columns": "id"}, "wrong kind"),
        ({"label_delay": "soon"}, 'wrong kind.*"soon"'),
        ({"key_columns": ["id", None]}, "key_columns must name 1 to 32 columns"),
        ({"feature_columns": [None]}, "feature_columns must name 1 to 1000 columns"),
    ],
)
def test_a_bad_definition_names_the_field(scene: Scene, changes: Row, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        scene.store.create_model_type({**definition(), **changes})

    assert scene.store.list_model_types() == []


def test_a_definition_must_be_an_object(scene: Scene) -> None:
    with pytest.raises(InvalidRequest, match="A model type must be an object"):
        scene.database.call("create_model_type", {"p_definition": [{"name": "churn"}]})


def test_a_name_is_taken_once(scene: Scene) -> None:
    scene.model_type("churn")

    with pytest.raises(Conflict, match="There is a model type churn already"):
        scene.model_type("churn")


def test_an_unknown_type_is_named_with_those_that_exist(scene: Scene) -> None:
    with pytest.raises(InvalidRequest, match="no model type churn.*none yet"):
        scene.store.get_model_type("churn")
    scene.model_type("visits")

    with pytest.raises(InvalidRequest, match="no model type churn.*Known: visits"):
        scene.store.get_champion("churn")


def test_what_may_change_changes_and_the_rest_stays(scene: Scene) -> None:
    scene.model_type("churn", title="Churn", training_window="30 days")

    changed = scene.store.update_model_type(
        "churn",
        {"enabled": False, "retraining_threshold": 0.1, "training_window": None},
    )

    assert (changed.enabled, changed.retraining_threshold, changed.training_window) == (
        False,
        0.1,
        None,
    )
    assert (changed.title, changed.metric) == ("Churn", "accuracy")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source_relation": "public.others"}, "has no field source_relation"),
        ({"task": "regression"}, "has no field task"),
        ({"replay": True}, "replay is settled when a model type is made.*Make another one"),
        ({"metric": "mae"}, "metric must fit the task"),
        ({"feature_columns": ["left_us"]}, "target_column must not be among"),
        ({"engine": None}, "wrong kind.*engine"),
        ({"min_training_samples": "many"}, 'wrong kind.*"many"'),
        ({"enabled": "perhaps"}, 'wrong kind.*"perhaps"'),
        ({"slice_columns": None}, "wrong kind.*slice_columns"),
        ({"latency_budget_ms": -3}, "latency_budget_ms must be more than 0"),
    ],
)
def test_a_bad_change_is_named_and_changes_nothing(
    scene: Scene, changes: Row, message: str
) -> None:
    scene.model_type("churn")
    before = scene.everything()

    with pytest.raises(InvalidRequest, match=message):
        scene.store.update_model_type("churn", {"title": "New", **changes})

    assert scene.everything() == before


def test_a_type_that_is_not_there_is_not_changed(scene: Scene) -> None:
    with pytest.raises(InvalidRequest, match="no model type churn"):
        scene.store.update_model_type("churn", {"title": "New"})
