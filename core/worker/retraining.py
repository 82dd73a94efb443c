"""A training job's heavy work, as it runs in the child: check, load, quality, train, validate.

The child reads and computes, and writes artifacts under their hash (which harms nobody when the
job is lost). What came of it goes to the parent, which alone writes to the database.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from core.artifacts import ArtifactStore
from core.domain import (
    ClaimedJob,
    DataQuality,
    Fingerprint,
    SkipKind,
    TrainingPlan,
    ValidationVerdict,
)
from core.engines.continuous_learning import ContinuousLearningEngine, TrainedModel
from core.engines.fitted_model import FittedModel
from core.engines.imported_model import IMPORTED_ENGINE, as_imported, judged_by_unseen
from core.engines.window_plan import window_length
from core.engines.yardstick import rows_until_next_attempt, standing_reference
from core.errors import ArtifactError, DataError, RefitError
from core.worker.assessing import assess_rows
from core.worker.challengers import Challenger, fingerprint_of, store_model, validation_json
from core.worker.champions import UNCOMPARED, LoadedChampion, load_champion, load_model
from core.worker.checks import judge_champion, read_labelled
from core.worker.failures import failure
from core.worker.messages import Progress, Send, TrainingBegins
from core.worker.model_pages import page_of_trained
from core.worker.plain_json import plain_json
from core.worker.profiles import profile_trained
from core.worker.resources import Resources
from core.worker.tasks import Outcome, TrainingTask


class TooSoon(Exception):
    """An automatic attempt would judge by labels that the last one has seen."""

    def __init__(self, rows_needed: int) -> None:
        super().__init__(
            "The check asks for a training, but the last attempt has seen nearly the same labels: "
            f"{rows_needed:,} more are needed before another can decide anything new."
        )
        self.figures = {"kind": SkipKind.TOO_FEW_NEW_ROWS, "rows_needed": rows_needed}


def retrain(task: TrainingTask, send: Send) -> Outcome:
    """Do a training job; the outcome is what ``finish_training_job`` takes.

    Raises
    ------
    RefitError
        Before the training began, or a transient one. What goes wrong later is an outcome too,
        with all that was found out until then.
    """
    if task.job.imported:  # nothing is trained: no setting of how has a meaning
        job = replace(task.job, model_type=as_imported(task.job.model_type))
        task = replace(task, job=job)
    job, resources = task.job, task.resources
    send(Progress(stage="check", progress=0.05))
    store = resources.artifacts()
    engine = ContinuousLearningEngine(
        job.model_type,
        factories=resources.factories(job.model_type.engine),
        metrics=resources.own_metrics(job.model_type.metric),
    )
    served, check = _judged_champion(task, store, send)
    if served and check and not (job.force or check["needs_retraining"] or served.mismatch):
        return {
            "status": "skipped",
            "check": check,
            "skip_reason": check["reason"],
            "skip_figures": {"kind": SkipKind.NOT_NEEDED},
        }
    training = _Training(
        job=job,
        resources=resources,
        store=store,
        engine=engine,
        served=served,
        needs_retraining=bool(check and check["needs_retraining"]),
        alarm=bool(check and check["alarm"]),
        send=send,
        outcome={"check": check},
    )
    try:
        training.run()
    except TooSoon as exc:
        skipped = {"status": "skipped", "skip_reason": str(exc), "skip_figures": exc.figures}
        return training.outcome | skipped
    except RefitError as exc:
        if exc.transient:
            raise
        return training.outcome | failure(exc)
    return training.outcome | {"status": "succeeded"}


def _judged_champion(
    task: TrainingTask, store: ArtifactStore, send: Send
) -> tuple[LoadedChampion | None, dict[str, Any] | None]:
    """The champion and its check; neither where none serves, or none that predicts.

    Neither also where a person forces the training although the champion cannot be loaded or
    judged (its file is lost, a column of its is gone): else there would be no way out of that. The
    new model is then compared with nothing, so that only an admin can deploy it.
    """
    job, resources = task.job, task.resources
    try:
        served = load_champion(store, job.champion, resources, send)
        if served is None:
            return None, None
        if not served.predicts:
            _say_uncompared(send, served.mismatch)
            return None, None
        check = judge_champion(resources, job.model_type, served, evaluated_at=job.evaluated_at)
    except (ArtifactError, DataError) as exc:
        if exc.transient or not job.force or job.champion is None:
            raise
        _say_uncompared(send, str(exc))
        return None, None
    send(Progress(stage="check", progress=0.1, line=check["reason"]))
    return served, check


def _say_uncompared(send: Send, why: str | None) -> None:
    line = f"The champion cannot be judged: {why} {UNCOMPARED}"
    send(Progress(stage="check", progress=0.1, line=line))


@dataclass(frozen=True, kw_only=True)
class _Loaded:
    """Rows to learn from, and what they are."""

    rows: pd.DataFrame
    data: Fingerprint
    quality: DataQuality


@dataclass(frozen=True, kw_only=True)
class _Training:
    """A training in the making; ``outcome`` grows with each step.

    ``needs_retraining``: a check asked for it. ``alarm``: the champion has surely got worse.
    """

    job: ClaimedJob
    resources: Resources
    store: ArtifactStore
    engine: ContinuousLearningEngine
    served: LoadedChampion | None
    needs_retraining: bool
    alarm: bool
    send: Send
    outcome: Outcome

    def run(self) -> None:
        """Train a challenger, and judge it when the job says so."""
        challenger, quality = self._train()
        comparable = self.served is not None or self.job.champion is None
        if self.job.auto_validate and comparable:
            self.outcome["validation"] = self._validate(challenger, quality)
            if self.job.auto_deploy:
                self._stage("deploy", 0.95)

    def _train(self) -> tuple[Challenger, DataQuality]:
        job, model_type, served = self.job, self.job.model_type, self.served
        loaded = self._load()
        rows = loaded.rows
        plan = self.engine.plan(
            rows,
            as_of=job.evaluated_at,
            champion_cutoff=served.champion.cutoff if served else None,
            needs_retraining=self.needs_retraining,
        )
        if job.imported:
            plan = judged_by_unseen(
                plan, rows, model_type, trained_until=job.imported.trained_until
            )
        self._require_new_labels(rows, plan)
        self.outcome["plan"] = plan.as_json()
        # Where cool-down or budget forbid it, the worker ends this process.
        self.send(TrainingBegins(outcome=plain_json(self.outcome)))
        self._stage("train", 0.35, plan.reason)
        return self._store(self._trained(rows, plan), loaded), loaded.quality

    def _trained(self, rows: pd.DataFrame, plan: TrainingPlan) -> TrainedModel:
        """The challenger: learnt from these rows, or brought from elsewhere."""
        job, served = self.job, self.served
        if job.imported:
            brought = load_model(
                self.store,
                job.imported.artifact_hash,
                engine=IMPORTED_ENGINE,
                trusted_types=self.resources.trusted_types,
            )
            return self.engine.adopt(rows, plan, brought)
        return self.engine.train(
            rows,
            plan,
            seed=job.model_type.random_seed,
            previous=self._teacher(),
            previous_cutoff=served.champion.cutoff if served else None,
        )

    def _load(self) -> _Loaded:
        """The rows to learn from, when they are fit for it."""
        job, model_type, served = self.job, self.job.model_type, self.served
        self._stage("load", 0.15)
        window = window_length(model_type)
        rows = read_labelled(
            self.resources,
            model_type,
            models=[served.model] if served else [],
            start=job.evaluated_at - window if window else None,
            end=job.evaluated_at,
        )
        data = fingerprint_of(rows, model_type)
        self.outcome["fingerprint"] = data.as_json()
        quality = assess_rows(
            self.resources, model_type, rows, served=served, as_of=job.evaluated_at
        )
        self.outcome["quality"] = quality.as_json()
        self._stage("data_quality", 0.3, f"{len(rows):,} rows, quality score {quality.score:.2f}")
        if quality.is_blocking:
            raise DataError(" ".join(f.detail for f in quality.findings if f.blocking))
        return _Loaded(rows=rows, data=data, quality=quality)

    def _teacher(self) -> FittedModel | None:
        """The model that an incremental engine goes on from: a champion of its own kind."""
        served = self.served
        if served is None or served.mismatch is not None:
            return None
        return served.model if served.champion.engine == self.job.model_type.engine else None

    def _store(self, trained: TrainedModel, loaded: _Loaded) -> Challenger:
        """The model in the store, with all that is known of it."""
        model_type, plan, reference = self.job.model_type, trained.plan, trained.reference
        self._stage("validate", 0.7, f"{reference.metric} {reference.value:.4f} held out")
        yardstick = standing_reference(
            reference,
            self.served.champion.reference if self.served else None,
            metric=self.engine.learner.metric,
            needs_retraining=self.needs_retraining,
            plan=plan,
        )
        parts = self.engine.split(loaded.rows, plan)
        page = page_of_trained(model_type, replace(trained, reference=yardstick), loaded.data)
        profile = profile_trained(
            self.resources, model_type, trained, parts, as_of=self.job.evaluated_at
        )
        stored = page | {"profile": plain_json(profile.as_json())}
        digest = store_model(self.store, trained.model, stored, parts.holdout)
        self.outcome["model"] = page | {"artifact_hash": digest}
        return Challenger(
            model_type=model_type,
            engine=self.engine,
            model=trained.model,
            artifact_hash=digest,
            page=stored,
            plan=plan,
            rows=loaded.rows,
            store=self.store,
            resources=self.resources,
        )

    def _require_new_labels(self, rows: pd.DataFrame, plan: TrainingPlan) -> None:
        """Wait while there are no new labels to decide by; a person need not wait."""
        job, served = self.job, self.served
        if job.force or job.last_attempt is None or served is None or served.mismatch:
            return
        missing = rows_until_next_attempt(rows, job.model_type, plan, job.last_attempt)
        if missing:
            raise TooSoon(missing)

    def _validate(self, challenger: Challenger, quality: DataQuality) -> dict[str, Any]:
        validation = challenger.validate(self.served, quality=quality, alarm=self.alarm)
        self._stage("validate", 0.8, validation.reason)
        result = validation_json(validation, self.served.champion if self.served else None)
        approved = validation.verdict is ValidationVerdict.APPROVED
        if approved and self.job.model_type.final_fit:
            self._stage("final_fit", 0.85)
            result["final_fit"] = challenger.refit()
        return result

    def _stage(self, stage: str, progress: float, line: str | None = None) -> None:
        self.send(Progress(stage=stage, progress=progress, line=line))
