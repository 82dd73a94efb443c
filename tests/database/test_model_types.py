"""Registering a prediction task: what it must say, and what may change later."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.domain import ModelType, Task
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
