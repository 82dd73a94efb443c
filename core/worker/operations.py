"""The heavy work of checks, validations and deployments, as it runs in the child."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from core.domain import (
    DataQuality,
    ModelType,
    OperationKind,
    StoredModel,
    Target,
    TrainingPlan,
    ValidationVerdict,
)
from core.engines.continuous_learning import ContinuousLearningEngine
from core.engines.imported_model import IMPORTED_ENGINE
from core.engines.stored_plan import recount
from core.engines.window_plan import window_length
from core.errors import ArtifactError, InvalidRequest
from core.monitoring.data_quality import assess
from core.worker.assessing import assess_rows
from core.worker.challengers import Challenger, validation_json
from core.worker.champions import LoadedChampion, load_model, load_working_champion
from core.worker.checks import CHECK_WINDOW_DAYS, judge_champion, read_labelled
from core.worker.messages import Send
from core.worker.model_pages import as_trained
from core.worker.recorded_predictions import predict_recorded
from core.worker.tasks import Outcome, TargetTask

# A window's start is exclusive where rows are read; a plan's own is its first row.
_AN_INSTANT = timedelta(microseconds=1)


def work_on_target(task: TargetTask, send: Send) -> Outcome:
    """Check, validate, or get ready to deploy; one of the results of ``finish_operation``."""
    work = {
        OperationKind.CHECK: _check,
        OperationKind.VALIDATION: _validate,
        OperationKind.DEPLOYMENT: _prepare_deployment,
    }[task.operation.kind]
    return work(task, send)


def _check(task: TargetTask, send: Send) -> Outcome:
    target, parameters = task.target, task.operation.parameters
    served = load_working_champion(
        task.resources.artifacts(), target.champion, task.resources, send
    )
    result = judge_champion(
        task.resources,
        target.model_type,
        served,
        evaluated_at=task.operation.evaluated_at,
        window_days=parameters.get("time_window") or CHECK_WINDOW_DAYS,
        threshold=parameters.get("threshold"),
    )
    if parameters.get("with_quality"):
        result["quality"] = _quality(task, served).as_json()
    return result


def _quality(task: TargetTask, served: LoadedChampion | None) -> DataQuality:
    """How fit the training window is as it is now."""
    model_type, end = task.target.model_type, task.operation.evaluated_at
    window = window_length(model_type)
    rows = read_labelled(
        task.resources, model_type, start=end - window if window else None, end=end
    )
    return assess_rows(task.resources, model_type, rows, served=served, as_of=end)


def _validate(task: TargetTask, send: Send) -> Outcome:
    model, champion, resources = _asked_model(task.target), task.target.champion, task.resources
    store = resources.artifacts()
    served = None
    # The champion itself is judged by the absolute gates alone.
    is_champion = champion is not None and champion.model_id == model.id
    if not is_champion:
        served = load_working_champion(store, champion, resources, send)
    page = store.read_metadata(model.artifact_hash)
    model_type = as_trained(task.target.model_type, model, page)
    rows = read_labelled(
        resources,
        model_type,
        models=[served.model] if served else [],
        start=model.plan.window_start - _AN_INSTANT,
        end=task.operation.evaluated_at,
    )
    engine = ContinuousLearningEngine(
        model_type,
        factories=resources.factories(model.engine),
        metrics=resources.own_metrics(model_type.metric),
    )
    plan = recount(rows, model_type, model.plan)
    challenger = Challenger(
        model_type=model_type,
        engine=engine,
        model=load_model(
            store, model.artifact_hash, engine=model.engine, trusted_types=resources.trusted_types
        ),
        artifact_hash=model.artifact_hash,
        page=page,
        plan=plan,
        rows=rows,
        store=store,
        resources=resources,
    )
    # Of its own rows, as they are now; how old they are is no fault of theirs.
    quality = assess(engine.split(rows, plan).window, model_type, seed=model.random_seed)
    validation = challenger.validate(served, quality=quality, is_champion=is_champion)
    result: dict[str, Any] = validation_json(validation, champion) | {
        "model_id": model.id,
        "model_type": model.model_type,
        "model_version": model.version,
    }
    approved = validation.verdict is ValidationVerdict.APPROVED
    if approved and _may_be_refitted(model_type, model, plan):
        result["final_fit"] = challenger.refit()
    return result


def _may_be_refitted(model_type: ModelType, model: StoredModel, plan: TrainingPlan) -> bool:
    """Whether a fit to the whole window would be another model, and one of the same making."""
    # Without rows of the window that it has not seen, a refit would be the same model again.
    is_new = model.final_artifact_hash is None and plan.holdout_rows > 0
    return model_type.final_fit and is_new and model.engine != IMPORTED_ENGINE


def _prepare_deployment(task: TargetTask, _send: Send) -> Outcome:
    """Load what would serve and ask it for its recorded predictions; the swap itself is SQL."""
    model, store = _asked_model(task.target), task.resources.artifacts()
    digest = model.final_artifact_hash or model.artifact_hash
    fitted = load_model(
        store, digest, engine=model.engine, trusted_types=task.resources.trusted_types
    )
    reproduction = predict_recorded(fitted, store.read_metadata(digest))
    if not reproduction.is_exact:
        said = f" It raised {reproduction.error}." if reproduction.error else ""
        raise ArtifactError(
            f"Version {model.version} of {model.model_type} does not give the predictions that "
            f"were recorded with it.{said}",
            hint="Train it again where it will be served.",
        )
    # The swap refuses another fit than the one that was looked at here.
    return {"model_id": model.id, "model_type": model.model_type, "artifact_hash": digest}


def _asked_model(target: Target) -> StoredModel:
    if target.model is None:
        raise InvalidRequest(f"No model of {target.model_type.name} was named.")
    return target.model
