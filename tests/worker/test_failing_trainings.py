"""What can go wrong with a training, and that it says so and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from core.engines.fitted_model import FittedModel
from core.errors import NotApproved
from tests.worker.lab import DAY, Lab, Row, RunningWorker, eventually

JOBS = "select * from ml_training_jobs where model_type = %s"

ENGINES = """
import time

def make_slow():
    time.sleep(600)
"""

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder: Path = tmp_path_factory.mktemp("slow_engines")
    (folder / "slow_engines.py").write_text(ENGINES)
    return {"PYTHONPATH": str(folder), "REFIT_ENGINES": "slow_engines:make_slow"}


def drop_relation(lab: Lab, table: str) -> str:
    lab.owner.execute(f"drop table {table}")
    return table


def drop_column(lab: Lab, table: str) -> str:
    lab.owner.execute(f"alter table {table} drop column colour")
    return "colour"


def make_time_a_text(lab: Lab, table: str) -> str:
    lab.owner.execute(f"alter table {table} alter happened_at type text")
    return "happened_at"


def leave_one_class(lab: Lab, table: str) -> str:
    lab.owner.execute(f"update {table} set label = 'good'")
    return "label"


def hide_rows(lab: Lab, table: str) -> str:
    lab.owner.execute(f"alter table {table} enable row level security")
    return table


def take_privilege(lab: Lab, table: str) -> str:
    lab.owner.execute(f"revoke select on {table} from refit_reader")
    return table


@pytest.mark.parametrize(
    ("spoil", "has_champion"),
    [
        (drop_relation, True),
        (drop_column, True),
        (make_time_a_text, False),
        (leave_one_class, True),
        (leave_one_class, False),
        (hide_rows, True),
        (take_privilege, False),
    ],
)
def test_data_that_cannot_be_used_fails_the_job_by_name_and_touches_nothing(
    lab: Lab, spoil: Callable[[Lab, str], str], has_champion: bool
) -> None:
    name = lab.model_type()
    champion = lab.champion(name) if has_champion else None
    spoilt = spoil(lab, lab.table_of(name))

    job = lab.retrain(name, force=True)

    assert (job["status"], job["attempt"]) == ("failed", 1)
    assert (job["error"]["type"], job["error"]["status"]) == ("data", 422)
    assert spoilt in job["error"]["detail"]
    assert spoilt in lab.alerts(name)["data_quality"]
    assert len(lab.store.list_models(model_type=name)["items"]) == int(has_champion)
    if champion is not None:
        assert lab.champion(name)["id"] == champion["id"]


def break_connections(lab: Lab, table: str, condition: str) -> str:
    """A view whose reader loses the connection while the condition holds."""
    view = f"{table}_view"
    lab.owner.execute(
        f"""
        create function {view}_cut() returns boolean language plpgsql security definer as $$
        begin
            if {condition} then perform pg_catalog.pg_terminate_backend(pg_backend_pid()); end if;
            return true;
        end $$;
        create view {view} as select * from {table} where (select {view}_cut());
        grant select on {view} to refit_reader
        """
    )
    return view


def test_a_database_that_goes_away_is_asked_three_times(lab: Lab) -> None:
    name = lab.model_type(break_connections(lab, lab.table(), "true"))

    job = lab.retrain(name)

    assert (job["status"], job["attempt"]) == ("failed", 3)
    assert job["error"]["type"] == "database_unavailable"
    assert "training_failure" in lab.alerts(name)


def test_a_database_that_comes_back_costs_only_an_attempt(lab: Lab) -> None:
    table = lab.table()
    condition = (
        "exists (select from public.ml_training_jobs as j"
        " inner join public.ml_model_types as t on j.model_type = t.name"
        f" where t.source_relation = 'public.{table}_view' and j.attempt = 1)"
    )
    name = lab.model_type(break_connections(lab, table, condition))

    job = lab.retrain(name)

    assert (job["status"], job["attempt"]) == ("succeeded", 2)
    assert job["error"] is None
    assert job["result"]["deployed"] is True


def lose(file: Path) -> None:
    file.unlink()


def damage(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def artifact_retraining(lab: Lab, model_type: str) -> Row:
    """The one forced retraining that a champion which cannot be used asked for, ended."""
    jobs = lab.rows(
        "select * from ml_training_jobs where model_type = %s and trigger = 'artifact'", model_type
    )
    (job,) = jobs
    assert job["force"] is True
    return lab.ended_job(job["id"])


@pytest.mark.parametrize(("harm", "said"), [(lose, "is not in"), (damage, "is damaged")])
def test_a_champion_that_cannot_be_loaded_fails_the_job_and_stays_and_a_retraining_is_forced(
    lab: Lab, harm: Callable[[Path], None], said: str
) -> None:
    name = lab.model_type()
    champion = lab.champion(name)
    harm(lab.artifact_file(champion["artifact_hash"]))

    job = lab.retrain(name)

    assert (job["status"], job["error"]["type"]) == ("failed", "artifact")
    assert champion["artifact_hash"] in job["error"]["detail"]
    assert said in job["error"]["detail"]
    assert champion["artifact_hash"] in lab.alerts(name)["training_failure"]
    assert champion["artifact_hash"] in lab.alerts(name)["artifact_mismatch"]
    eventually(lambda: len(lab.rows(JOBS, name)) == 3)
    forced = artifact_retraining(lab, name)
    # It has nothing to compare with, and asks for no other one.
    assert (forced["status"], forced["result"]["deployed"]) == ("succeeded", False)
    assert any("only an admin can deploy it" in line["message"] for line in forced["log"])
    assert "only an admin can deploy it" in lab.alerts(name)["artifact_mismatch"]
    assert len(lab.rows(JOBS, name)) == 3
    assert lab.champion(name)["id"] == champion["id"]


def test_a_check_of_a_champion_that_cannot_be_loaded_forces_a_retraining(lab: Lab) -> None:
    name = lab.model_type()
    champion = lab.champion(name)
    lose(lab.artifact_file(champion["artifact_hash"]))

    operation = lab.check(name)

    assert (operation["status"], operation["error"]["type"]) == ("failed", "artifact")
    assert champion["artifact_hash"] in lab.alerts(name)["artifact_mismatch"]
    assert artifact_retraining(lab, name)["status"] == "succeeded"
    assert len(lab.rows(JOBS, name)) == 2
    assert lab.champion(name)["id"] == champion["id"]


def serve_what_raises(lab: Lab, champion: Row) -> None:
    """As a champion does whose state another scikit-learn does not understand."""
    model = lab.artifacts.get(champion["artifact_hash"], engine="linear")
    assert isinstance(model, FittedModel)
    estimator = model.pipeline
    while not hasattr(estimator, "coef_"):
        steps = hasattr(estimator, "steps")
        estimator = estimator.steps[-1][1] if steps else estimator.estimator_
    del estimator.coef_
    page = lab.artifacts.read_metadata(champion["artifact_hash"])
    lab.owner.execute(
        "update ml_model_deployments set artifact_hash = %s where id = %s",
        (lab.artifacts.put(model, metadata=page), champion["id"]),
    )


def test_a_champion_that_raises_in_place_of_predicting_is_told_and_retrained(lab: Lab) -> None:
    name = lab.model_type()
    champion = lab.champion(name)
    serve_what_raises(lab, champion)
    lab.add_rows(lab.table_of(name), 200, over=2 * DAY)

    operation = lab.check(name)

    assert (operation["status"], operation["error"]["type"]) == ("failed", "artifact")
    alert = lab.alerts(name)["artifact_mismatch"]
    assert "no longer predicts (AttributeError" in alert
    assert "only an admin can deploy it" in alert
    assert "scikit-learn" in alert
    forced = artifact_retraining(lab, name)
    assert (forced["status"], forced["result"]["deployed"]) == ("succeeded", False)
    assert lab.champion(name)["id"] == champion["id"]


def test_an_unforced_job_trains_when_the_champion_raises_and_deploys_nothing(lab: Lab) -> None:
    name = lab.model_type()
    champion = lab.champion(name)
    serve_what_raises(lab, champion)
    lab.add_rows(lab.table_of(name), 200, over=2 * DAY)

    job = lab.retrain(name)

    assert job["status"] == "succeeded", job["error"]
    assert (job["result"].get("verdict"), job["result"]["deployed"]) == (None, False)
    assert any("AttributeError" in line["message"] for line in job["log"])
    assert "no longer predicts" in lab.alerts(name)["artifact_mismatch"]
    assert len(lab.rows(JOBS, name)) == 2  # it was the retraining
    assert lab.champion(name)["id"] == champion["id"]
    model_id = UUID(job["result"]["model_id"])
    assert lab.deploy(model_ids=[model_id], force=True)["status"] == "succeeded"


def test_a_lost_champion_can_be_replaced_by_force(lab: Lab) -> None:
    name = lab.model_type()
    champion = lab.champion(name)
    lose(lab.artifact_file(champion["artifact_hash"]))
    lab.add_rows(lab.table_of(name), 100, over=DAY)

    job = lab.retrain(name, force=True)

    assert job["status"] == "succeeded", job["error"]
    assert (job["result"].get("verdict"), job["result"]["deployed"]) == (None, False)
    assert any("cannot be judged" in line["message"] for line in job["log"])
    assert len(lab.rows(JOBS, name)) == 2
    assert champion["artifact_hash"] in lab.alerts(name)["artifact_mismatch"]
    assert lab.champion(name)["id"] == champion["id"]
    model_id = UUID(job["result"]["model_id"])
    with pytest.raises(NotApproved):
        lab.deploy(model_ids=[model_id])
    assert lab.deploy(model_ids=[model_id], force=True)["status"] == "succeeded"
    assert lab.champion(name)["model_id"] == model_id
    assert lab.alerts(name) == {}


def test_a_champion_with_a_column_that_is_gone_can_be_replaced_by_force(lab: Lab) -> None:
    name = lab.model_type()
    champion = lab.champion(name)
    lab.owner.execute(f"alter table {lab.table_of(name)} drop column colour")
    lab.store.update_model_type(name, {"feature_columns": ["size"]})

    plain, forced = lab.retrain(name), lab.retrain(name, force=True)

    assert (plain["status"], plain["error"]["type"]) == ("failed", "data")
    assert "colour" in plain["error"]["detail"]
    assert (forced["status"], forced["result"]["deployed"]) == ("succeeded", False)
    assert lab.champion(name)["id"] == champion["id"]


@pytest.mark.parametrize("broken", ["{}", '{"recorded": {"rows": "no", "predictions": []}}'])
def test_a_champion_whose_page_is_damaged_fails_the_job_and_stays(lab: Lab, broken: str) -> None:
    name = lab.model_type()
    champion = lab.champion(name)
    lab.artifact_file(champion["artifact_hash"], "json").write_text(broken)

    job = lab.retrain(name)

    assert (job["status"], job["error"]["type"]) == ("failed", "artifact")
    assert "missing or damaged" in job["error"]["detail"]
    assert lab.champion(name)["id"] == champion["id"]


def test_an_outcome_that_the_database_refuses_fails_the_job_at_once(
    lab: Lab, worker: RunningWorker
) -> None:
    name = lab.model_type(random_seed=4711)
    lab.owner.execute(
        "alter table ml_models add constraint refused check (random_seed <> 4711) not valid"
    )

    job = lab.retrain(name)

    lab.owner.execute("alter table ml_models drop constraint refused")
    assert (job["status"], job["attempt"]) == ("failed", 1)
    assert "refused" in job["error"]["detail"]
    assert worker.events("outcome_refused")


def test_a_degraded_check_is_kept_when_the_training_fails(lab: Lab) -> None:
    table = lab.table(600)
    name = lab.model_type(table)
    lab.champion(name)
    lab.add_rows(table, 400, over=2 * DAY, flipped=True)
    lab.store.update_model_type(name, {"engine_parameters": {"no_such": 1}})

    job = lab.retrain(name)

    assert (job["status"], job["error"]["type"]) == ("failed", "invalid_request")
    assert "no_such" in job["error"]["detail"]
    assert job["check_result"]["verdict"] == "degraded"
    assert set(lab.alerts(name)) == {"performance_degradation", "training_failure"}
    quality: Row = lab.row(
        "select * from ml_training_data_quality where training_job_id = %s", UUID(job["id"])
    )
    assert quality["row_count"] == 1000


def test_a_job_waits_while_all_threads_are_busy(lab: Lab) -> None:
    slow = [lab.ask_for_training(lab.model_type(engine="slow_engines:make_slow")) for _ in range(2)]
    eventually(lambda: all(lab.job(job_id)["stage"] == "train" for job_id in slow))
    waiting = lab.ask_for_training(lab.model_type())
    assert lab.job(waiting)["status"] == "queued"

    lab.store.cancel_job(slow[0])

    assert lab.ended_job(waiting)["status"] == "succeeded"
    lab.store.cancel_job(slow[1])
    lab.ended_job(slow[1], within=5)
