"""The heavy work of checks, validations and deployments, as it runs in the child.

Each target is worked on alone: one that fails is reported, and the others go on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from core.artifacts import ArtifactStore
from core.datasets import read_rows
from core.domain import (
    ClaimedOperation,
    OperationKind,
    StoredModel,
    Target,
    ValidationVerdict,
)
from core.engines.continuous_learning import ContinuousLearningEngine
from core.engines.model_validation import ModelValidationFramework
from core.engines.stored_plan import recount
from core.engines.time_split import is_after
from core.errors import ArtifactError, InvalidRequest, RefitError
from core.monitoring.data_quality import assess
from core.worker.champions import CHECK_WINDOW_DAYS, judge_champion, load_model, load_served
from core.worker.recorded_predictions import predict_recorded, reproduces
from core.worker.resources import Resources
from core.worker.retraining import final_fit, reload_check

Send = Callable[[Any], None]


@dataclass(frozen=True, kw_only=True)
class OperationTask:
    """What the child is given: the operation as it was claimed, and where things are."""

    operation: ClaimedOperation
    resources: Resources


def run_operation(task: OperationTask, send: Send) -> dict[str, Any]:
    """Do an operation; the outcome is what ``finish_operation`` takes.

    Raises
    ------
    RefitError
        A transient one (the database is away): the whole operation may be tried again.
    """
    work = {
        OperationKind.CHECK: _check,
        OperationKind.VALIDATION: _validate,
        OperationKind.DEPLOYMENT: _prepare_deployment,
    }[task.operation.kind]
    store = task.resources.artifacts()
    results: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for number, target in enumerate(task.operation.targets):
        send({"progress": number / len(task.operation.targets)})
        try:
            results.append(work(task, store, target))
        except RefitError as exc:
            if exc.transient:
                raise
            errors.append(
                {
                    "model_type": target.model_type.name,
                    "model_id": target.model and str(target.model.id),
                    "type": exc.problem,
                    "status": exc.status,
                    "detail": str(exc),
                }
            )
    return {"status": "succeeded", "results": results, "errors": errors}


def _check(task: OperationTask, store: ArtifactStore, target: Target) -> dict[str, Any]:
    parameters = task.operation.parameters
    served = None
    if target.champion is not None:
        served = load_served(store, target.champion, task.resources)
    return judge_champion(
        task.resources,
        target.model_type,
        target.champion,
        served,
        evaluated_at=task.operation.evaluated_at,
        window_days=parameters.get("time_window") or CHECK_WINDOW_DAYS,
        threshold=parameters.get("threshold"),
    )


def _asked_model(target: Target) -> StoredModel:
    if target.model is None:
        raise InvalidRequest(f"No model of {target.model_type.name} was named.")
    return target.model


def _validate(task: OperationTask, store: ArtifactStore, target: Target) -> dict[str, Any]:
    model_type, model, champion = target.model_type, _asked_model(target), target.champion
    resources = task.resources
    challenger = load_model(
        store, model.artifact_hash, engine=model.engine, trusted_types=resources.trusted_types
    )
    served = None
    if champion is not None and champion.model_id != model.id:
        served = load_served(store, champion, resources)
    frame = read_rows(
        resources.database_url,
        model_type,
        visible_at=task.operation.evaluated_at,
        start=model.plan.window_start - timedelta(microseconds=1),
        end=task.operation.evaluated_at,
        window_by="label_time",
    )
    engine = ContinuousLearningEngine(model_type, factories=resources.factories(model_type.engine))
    plan = recount(frame, model_type, model.plan)
    parts = engine.split(frame, plan)
    validation = ModelValidationFramework(model_type).validate(
        challenger=challenger,
        champion=served.model if served else None,
        # Rows that came since are as fair as the holdout: the challenger has seen neither.
        holdout=frame[is_after(frame, model_type, plan.train_end)],
        champion_cutoff=champion.cutoff if champion and served else None,
        quality=assess(parts.window, model_type),
        training_rows=plan.rows,
        train_frame=parts.train,
        reload=reload_check(store, model.artifact_hash, model.engine, resources),
        seed=model.random_seed,
    )
    result = validation.as_json() | {
        "model_id": str(model.id),
        "model_type": model_type.name,
        "model_version": model.version,
        "champion_deployment_id": champion and str(champion.deployment_id),
    }
    approved = validation.verdict is ValidationVerdict.APPROVED
    if approved and model_type.final_fit and model.final_artifact_hash is None:
        page = store.read_metadata(model.artifact_hash)
        result["final_fit"] = final_fit(
            engine, store, frame, challenger, plan, page, model.random_seed
        )
    return result


def _prepare_deployment(
    task: OperationTask, store: ArtifactStore, target: Target
) -> dict[str, Any]:
    """Load what would serve and ask it for its recorded predictions; the swap itself is SQL."""
    model = _asked_model(target)
    digest = model.final_artifact_hash or model.artifact_hash
    fitted = load_model(
        store, digest, engine=model.engine, trusted_types=task.resources.trusted_types
    )
    if not reproduces(*predict_recorded(fitted, store.read_metadata(digest)["recorded"])):
        raise ArtifactError(
            f"Version {model.version} of {model.model_type} does not give the predictions that "
            "were recorded with it.",
            hint="Train it again where it will be served.",
        )
    return {"model_id": str(model.id), "model_type": model.model_type}
