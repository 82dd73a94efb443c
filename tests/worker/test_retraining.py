"""Training jobs, from the bell to what is written of them."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from tests.worker.lab import DAY, Lab

ENGINES = '''
"""Engines of a user's own."""

import numpy as np
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder


def make_own():
    texts = make_column_selector(dtype_exclude="number")
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["colour"]), remainder="passthrough"
    )
    return make_pipeline(columns, LogisticRegression())


class Forgetful(LogisticRegression):
    """Loses what it learnt when it is stored, once it learnt from many rows."""

    def fit(self, X, y):
        self.rows_ = len(X)
        return super().fit(X, y)

    def __getstate__(self):
        state = dict(super().__getstate__())
        if state["rows_"] > 700:
            state["coef_"] = -state["coef_"]
        return state


def make_forgetful():
    columns = make_column_transformer(("passthrough", ["size"]))
    return make_pipeline(columns, Forgetful())


class Growing(LogisticRegression):
    """Keeps much more once it learnt from many rows."""

    def fit(self, X, y):
        self.kept_ = np.random.default_rng(0).random(2_000_000 if len(X) > 700 else 0)
        return super().fit(X, y)


def make_growing():
    columns = make_column_transformer(("passthrough", ["size"]))
    return make_pipeline(columns, Growing())
'''

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder: Path = tmp_path_factory.mktemp("own_engines")
    (folder / "own_engines.py").write_text(ENGINES)
    return {
        "PYTHONPATH": str(folder),
        "REFIT_ENGINES": "own_engines:make_own, own_engines:make_nothing, "
        "own_engines:make_forgetful, own_engines:make_growing",
        "REFIT_TRUSTED_TYPES": "own_engines.Forgetful, own_engines.Growing",
    }


def test_a_first_model_is_trained_judged_and_deployed(lab: Lab) -> None:
    name = lab.model_type()

    job = lab.retrain(name)

    assert (job["status"], job["stage"], job["progress"]) == ("succeeded", "succeeded", 1)
    assert (job["result"]["verdict"], job["result"]["deployed"]) == ("approved", True)
    champion = lab.store.get_champion(name)
    assert champion is not None
    assert str(champion.model_id) == job["result"]["model_id"]
    assert champion.serves == "final_fit"
    assert champion.cutoff == champion.window_end
    assert lab.alerts(name) == {}


def test_a_healthy_champion_is_not_retrained(lab: Lab) -> None:
    name = lab.model_type()
    champion = lab.champion(name)
    lab.add_rows(lab.table_of(name), 200, over=2 * DAY, noise=0)

    job = lab.retrain(name)

    assert job["status"] == "skipped"
    assert job["check_result"]["verdict"] == "healthy"
    assert job["skip_reason"] == job["check_result"]["reason"]
    (metric,) = lab.rows("select * from ml_performance_metrics where model_type = %s", name)
    assert (metric["training_job_id"], metric["samples"]) == (UUID(job["id"]), 200)
    assert len(lab.store.list_models(model_type=name)["items"]) == 1
    assert lab.champion(name)["id"] == champion["id"]


def test_a_degraded_champion_is_replaced_by_what_learnt_the_new_world(lab: Lab) -> None:
    name = lab.model_type(lab.table(400))
    before = lab.champion(name)
    lab.add_rows(lab.table_of(name), 1600, over=2.5 * DAY, flipped=True)

    job = lab.retrain(name)

    assert job["check_result"]["verdict"] == "degraded"
    assert job["status"] == "succeeded"
    assert (job["result"]["verdict"], job["result"]["deployed"]) == ("approved", True)
    assert job["result"]["improvement"] > 0.3
    after = lab.champion(name)
    assert after["id"] != before["id"]
    (validation,) = lab.rows(
        "select * from ml_model_validations where training_job_id = %s", job["id"]
    )
    assert validation["champion_deployment_id"] == before["id"]
    assert lab.alerts(name) == {}


def test_what_is_forced_is_trained_though_the_champion_is_healthy(lab: Lab) -> None:
    name = lab.model_type()
    lab.champion(name)
    lab.add_rows(lab.table_of(name), 200, over=2 * DAY, noise=0)

    job = lab.retrain(name, force=True)

    assert job["status"] == "succeeded"
    assert job["check_result"]["verdict"] == "healthy"
    assert job["result"]["model_version"] == 2


def test_a_refit_that_is_another_one_once_loaded_never_serves(lab: Lab) -> None:
    # Trained on the older rows it is sound; refitted on all 800 it forgets.
    name = lab.model_type(engine="own_engines:make_forgetful", feature_columns=["size"])

    job = lab.retrain(name)

    assert (job["status"], job["result"]["verdict"]) == ("succeeded", "approved"), job
    model = lab.model(job["result"]["model_id"])
    assert model["final_artifact_hash"] is None
    assert lab.champion(name)["serves"] == "approved_fit"
    assert lab.champion(name)["artifact_hash"] == model["artifact_hash"]
    gate = model["final_fit"]["gate"]
    assert gate["passed"] is False
    assert "does not repeat its predictions" in gate["detail"]


@pytest.mark.parametrize(("dry_run", "serves"), [([], "approved_fit"), (["size"], "final_fit")])
def test_a_refit_over_its_budget_never_serves_unless_that_gate_is_a_dry_run(
    lab: Lab, dry_run: list[str], serves: str
) -> None:
    name = lab.model_type(
        engine="own_engines:make_growing",
        feature_columns=["size"],
        size_budget_mb=5,
        dry_run_gates=dry_run,
    )

    job = lab.retrain(name)

    assert (job["status"], job["result"]["verdict"]) == ("succeeded", "approved"), job
    assert lab.champion(name)["serves"] == serves
    model = lab.model(job["result"]["model_id"])
    gate = model["final_fit"]["gate"]
    assert gate["passed"] is (serves == "final_fit")
    assert (model["final_artifact_hash"] is None) is (serves == "approved_fit")
    if serves == "approved_fit":
        assert "5 MB are allowed" in gate["detail"]
        assert gate["figures"]["refused_by"] == "size"
        assert gate["figures"]["refused_with"]["value"] > 10


def test_an_approved_model_waits_where_a_person_deploys(lab: Lab) -> None:
    name = lab.model_type()

    job = lab.retrain(name, auto_deploy=False)

    assert (job["result"]["verdict"], job["result"]["deployed"]) == ("approved", False)
    assert lab.store.get_champion(name) is None


def test_stages_and_progress_only_go_forward_and_say_what_happens(lab: Lab) -> None:
    name = lab.model_type()
    lab.champion(name)
    lab.owner.execute(
        """
        create table seen (n bigint generated always as identity, job uuid, stage text,
            progress double precision);
        create function see() returns trigger language plpgsql security definer as $$ begin
            insert into public.seen (job, stage, progress) values (new.id, new.stage, new.progress);
            return null;
        end $$;
        create trigger see after update on ml_training_jobs for each row execute function see();
        """
    )
    job = lab.retrain(name, force=True)

    seen = lab.rows("select stage, progress from seen where job = %s order by n", job["id"])
    lab.owner.execute("drop trigger see on ml_training_jobs")
    progress = [row["progress"] for row in seen]
    assert progress == sorted(progress)
    order = ["check", "load", "data_quality", "train", "validate", "final_fit", "deploy"]
    order.append("succeeded")
    stages = list(dict.fromkeys(row["stage"] for row in seen))
    assert stages == [stage for stage in order if stage in stages]
    assert {"check", "succeeded"} <= set(stages)
    lines = [line["message"] for line in job["log"]]
    assert job["check_result"]["reason"] in lines
    assert any("800 rows, quality score" in line for line in lines)
    assert job["result"]["reason"] in lines


def test_each_artifact_says_what_it_is_from_what_and_with_what(lab: Lab) -> None:
    name = lab.model_type(engine_parameters={"C": 0.5}, random_seed=7)
    model = lab.model(lab.retrain(name)["result"]["model_id"])

    for digest, fit in (
        (model["artifact_hash"], "approved_fit"),
        (model["final_artifact_hash"], "final_fit"),
    ):
        page = lab.artifacts.read_metadata(digest)
        assert (page["model_type"], page["fit"], page["engine"]) == (name, fit, "linear")
        assert page["parameters"]["C"] == 0.5
        assert page["random_seed"] == 7
        assert page["plan"] == model["plan"]
        assert page["fingerprint"]["rows"] == 800
        assert page["fingerprint"] == model["fingerprint"]
        assert {"scikit-learn", "numpy", "pandas", "skops"} <= set(page["library_versions"])
        assert len(page["recorded"]["predictions"]) == 50


def test_blocking_data_quality_fails_the_job_and_is_written(lab: Lab) -> None:
    name = lab.model_type(lab.table(60))

    job = lab.retrain(name)

    assert job["status"] == "failed"
    assert job["error"]["type"] == "data"
    assert "60 labelled rows; 100 are needed" in job["error"]["detail"]
    quality = lab.row(
        "select * from ml_training_data_quality where training_job_id = %s", job["id"]
    )
    assert (quality["row_count"], quality["score"]) == (60, 0)
    assert "data_quality" in lab.alerts(name)
    assert lab.store.list_models(model_type=name)["items"] == []


def test_an_undefined_metric_is_written_as_nothing(lab: Lab) -> None:
    table = lab.table()
    lab.owner.execute(f"update {table} set label = 'good' where id > 600")
    name = lab.model_type(table, metric="roc_auc")

    job = lab.retrain(name)

    assert job["status"] == "succeeded", job["error"]
    assert job["result"]["verdict"] == "inconclusive"
    assert lab.model(job["result"]["model_id"])["reference"]["value"] is None
    lab.deploy(model_ids=[UUID(job["result"]["model_id"])], force=True)
    lab.add_rows(table, 200, over=2 * DAY)
    (result,) = lab.check(name)["result"]["results"]
    assert result["verdict"] == "insufficient_data"


def test_an_engine_of_the_users_own_trains_when_it_is_listed(lab: Lab) -> None:
    name = lab.model_type(engine="own_engines:make_own")

    job = lab.retrain(name)

    assert job["result"]["deployed"] is True, job["error"]
    assert lab.model(job["result"]["model_id"])["engine"] == "own_engines:make_own"


@pytest.mark.parametrize(
    ("engine", "problem", "detail"),
    [
        ("own_engines:make_other", "invalid_request", "REFIT_ENGINES"),
        ("own_engines:make_nothing", "configuration", "own_engines:make_nothing"),
    ],
    ids=["not listed", "listed, and not there"],
)
def test_any_other_engine_is_refused_by_name(
    lab: Lab, engine: str, problem: str, detail: str
) -> None:
    name = lab.model_type(engine=engine)

    job = lab.retrain(name)

    assert (job["status"], job["error"]["type"]) == ("failed", problem)
    assert engine in job["error"]["detail"]
    assert detail in job["error"]["detail"]
    assert "training_failure" in lab.alerts(name)


def test_a_champion_with_other_features_than_today_is_compared_all_the_same(lab: Lab) -> None:
    name = lab.model_type(lab.table(400, seed=1))
    lab.champion(name)
    lab.store.update_model_type(name, {"feature_columns": ["size"]})
    lab.add_rows(lab.table_of(name), 300, over=2 * DAY, seed=2)

    job = lab.retrain(name, force=True)

    assert job["status"] == "succeeded", job["error"]
    assert job["check_result"]["samples"] == 300
    assert job["result"]["improvement"] < 0


def test_a_standing_alarm_waits_for_new_labels_before_the_next_attempt(lab: Lab) -> None:
    name = lab.model_type(lab.table(800))
    lab.champion(name)
    lab.add_rows(lab.table_of(name), 300, over=2 * DAY, flipped=True)
    first = lab.retrain(name, auto_deploy=False)

    second = lab.retrain(name)
    forced = lab.retrain(name, force=True)

    assert first["status"] == "succeeded", first
    assert second["status"] == "skipped"
    assert second["check_result"]["verdict"] == "degraded"
    assert "more are needed" in second["skip_reason"]
    figures = second["skip_figures"]
    assert figures["kind"] == "too_few_new_rows"
    assert f"{figures['rows_needed']:,} more are needed" in second["skip_reason"]
    assert forced["status"] == "succeeded"
