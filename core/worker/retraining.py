"""A training job's heavy work, as it runs in the child: check, load, quality, train, validate.

The child reads and computes, and writes artifacts under their hash (which harms nobody when the
job is lost). What came of it goes to the parent, which alone writes to the database.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from core.artifacts import ArtifactStore
from core.datasets import fingerprint, read_rows
from core.domain import ClaimedJob, Serves, TrainingPlan, ValidationVerdict
from core.engines.continuous_learning import ContinuousLearningEngine, TrainedModel
from core.engines.fitted_model import FittedModel
from core.engines.model_validation import ModelValidationFramework, ReloadCheck
from core.errors import DataError
from core.monitoring.data_quality import assess
from core.worker.champions import LoadedChampion, judge_champion, load_model, load_served
from core.worker.recorded_predictions import predict_recorded, record_predictions
from core.worker.resources import Resources

Send = Callable[[Any], None]
Outcome = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class TrainingTask:
    """What the child is given: the job as it was claimed, and where things are."""

    job: ClaimedJob
    resources: Resources


@dataclass(frozen=True, kw_only=True)
class _Run:
    """One training in the making: what every step uses."""

    task: TrainingTask
    store: ArtifactStore
    engine: ContinuousLearningEngine
    served: LoadedChampion | None
    send: Send

    @property
    def job(self) -> ClaimedJob:
        return self.task.job

    def stage(self, name: str, progress: float, line: str | None = None) -> None:
        """Tell the parent how far it is."""
        self.send({"stage": name, "progress": progress, "line": line})


def retrain(task: TrainingTask, send: Send) -> Outcome:
    """Do a training job; the outcome is what ``finish_training_job`` takes.

    Raises
    ------
    DataError
        When the rows cannot be read or trained on.
    ArtifactError
        When the champion or the new model cannot be loaded or stored.
    """
    job, resources = task.job, task.resources
    send({"stage": "check", "progress": 0.05, "line": None})
    store = resources.artifacts()
    served = load_served(store, job.champion, resources) if job.champion else None
    run = _Run(
        task=task,
        store=store,
        engine=ContinuousLearningEngine(
            job.model_type, factories=resources.factories(job.model_type.engine)
        ),
        served=served,
        send=send,
    )
    check = None
    if job.champion is not None:
        check = judge_champion(
            resources, job.model_type, job.champion, served, evaluated_at=job.evaluated_at
        )
        run.stage("check", 0.1, check["reason"])
        mismatch = served.mismatch if served else None
        if not (job.force or check["needs_retraining"] or mismatch):
            return {"status": "skipped", "check": check, "skip_reason": check["reason"]}
    return _trained(run, check) | {"check": check}


def _trained(run: _Run, check: dict[str, Any] | None) -> Outcome:
    job = run.job
    run.stage("load", 0.15)
    window = job.model_type.training_window
    frame = read_rows(
        run.task.resources.database_url,
        job.model_type,
        visible_at=job.evaluated_at,
        start=job.evaluated_at - window if window else None,
        end=job.evaluated_at,
        window_by="label_time",
    )
    seen = fingerprint(frame, job.model_type)
    quality = assess(frame, job.model_type)
    outcome: Outcome = {"quality": quality.as_json(), "fingerprint": seen.as_json()}
    run.stage("data_quality", 0.3, f"{len(frame):,} rows, quality score {quality.score:.2f}")
    if quality.is_blocking:
        reasons = " ".join(f.detail for f in quality.findings if f.blocking)
        return outcome | {
            "status": "failed",
            "error": {"type": "data", "status": DataError.status, "detail": reasons},
        }
    plan = run.engine.plan(
        frame,
        as_of=job.evaluated_at,
        champion_cutoff=job.champion.cutoff if job.champion else None,
    )
    run.stage("train", 0.35, plan.reason)
    trained = run.engine.train(frame, plan, seed=job.model_type.random_seed)
    run.stage("validate", 0.7, f"{trained.reference.metric} {trained.reference.value:.4f} held out")
    holdout = run.engine.split(frame, plan).holdout
    page = _page(run, trained, outcome["fingerprint"])
    digest = _stored(run, trained.model, holdout, page | {"fit": str(Serves.APPROVED_FIT)})
    outcome |= {
        "status": "succeeded",
        "model": page | {"artifact_hash": digest, "metrics": dict(trained.metrics)},
        "validation": None,
    }
    if job.auto_validate:
        outcome["validation"] = _validated(run, frame, trained, digest, quality, check, page)
    run.stage("deploy", 0.95)
    return outcome


def _page(run: _Run, trained: TrainedModel, seen: dict[str, Any]) -> dict[str, Any]:
    """What is written of a model, in its row and beside its artifact."""
    from importlib.metadata import version

    job = run.job
    libraries = ("scikit-learn", "numpy", "pandas", "skops")
    return {
        "model_type": job.model_type.name,
        "engine": job.model_type.engine,
        "parameters": dict(trained.parameters),
        "reference": {
            name: getattr(trained.reference, name)
            for name in trained.reference.__dataclass_fields__
        },
        "plan": trained.plan.as_json(),
        "fingerprint": seen,
        "library_versions": {name: version(name) for name in libraries},
        "random_seed": job.model_type.random_seed,
    }


def _stored(run: _Run, model: FittedModel, rows: pd.DataFrame, page: dict[str, Any]) -> str:
    return run.store.put(model, metadata=page | {"recorded": record_predictions(model, rows)})


def _validated(
    run: _Run,
    frame: pd.DataFrame,
    trained: TrainedModel,
    digest: str,
    quality: Any,
    check: dict[str, Any] | None,
    page: dict[str, Any],
) -> dict[str, Any]:
    job, plan = run.job, trained.plan
    parts = run.engine.split(frame, plan)
    validation = ModelValidationFramework(job.model_type).validate(
        challenger=trained.model,
        champion=run.served.model if run.served else None,
        holdout=parts.holdout,
        champion_cutoff=job.champion.cutoff if job.champion else None,
        quality=quality,
        training_rows=plan.rows,
        train_frame=parts.train,
        reload=reload_check(run.store, digest, job.model_type.engine, run.task.resources),
        seed=job.model_type.random_seed,
        champion_degraded=bool(check and check["needs_retraining"]),
    )
    run.stage("validate", 0.8, validation.reason)
    result = validation.as_json() | {
        "champion_deployment_id": job.champion and str(job.champion.deployment_id)
    }
    if validation.verdict is ValidationVerdict.APPROVED and job.model_type.final_fit:
        run.stage("final_fit", 0.85)
        result["final_fit"] = final_fit(
            run.engine, run.store, frame, trained.model, plan, page, run.job.model_type.random_seed
        )
    return result


def reload_check(
    store: ArtifactStore, digest: str, engine: str, resources: Resources
) -> ReloadCheck:
    """Load the artifact afresh from the store and ask for its recorded predictions."""
    model = load_model(store, digest, engine=engine, trusted_types=resources.trusted_types)
    recorded, reloaded = predict_recorded(model, store.read_metadata(digest)["recorded"])
    return ReloadCheck(recorded=recorded, reloaded=reloaded)


def final_fit(
    engine: ContinuousLearningEngine,
    store: ArtifactStore,
    frame: pd.DataFrame,
    approved: FittedModel,
    plan: TrainingPlan,
    page: dict[str, Any],
    seed: int,
) -> dict[str, Any]:
    """Refit an approved model on its whole window; stored only when its gate passes."""
    final = engine.final_fit(frame, approved, plan, seed=seed)
    digest = None
    if final.passed:
        holdout = engine.split(frame, plan).holdout
        digest = store.put(
            final.model,
            metadata=page
            | {
                "fit": str(Serves.FINAL_FIT),
                "recorded": record_predictions(final.model, holdout),
            },
        )
    return {"artifact_hash": digest, "gate": final.gate.as_json()}
