"""Refit as a policy: what the worker does with a training job at each step, in the same order."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from core.backtest.attempts import Attempt, Trainer
from core.backtest.history import History
from core.backtest.pacing import Pacing
from core.backtest.policies import CHECK_WINDOW, Look, training_rows
from core.backtest.records import Action, Event
from core.backtest.serving import Serving
from core.domain import (
    PerformanceCheck,
    Validation,
)
from core.engines.continuous_learning import ContinuousLearningEngine
from core.engines.fitted_model import FittedModel
from core.engines.own_metrics import OwnMetric
from core.engines.yardstick import rows_until_next_attempt
from core.errors import DataError, RefitError
from core.monitoring.check import check_champion
from core.monitoring.check_rows import CheckRows, rows_needed
from core.monitoring.data_quality import assess
from core.monitoring.known_after_label import waiting_span


class RefitPolicy:
    """Check, and where that asks for it train, validate and deploy.

    Parameters
    ----------
    history : History
    engine : ContinuousLearningEngine
    metrics : mapping of str to OwnMetric
        The user's own.

    Examples
    --------
    See :func:`core.backtest.replay.replay`.
    """

    def __init__(
        self,
        history: History,
        engine: ContinuousLearningEngine,
        *,
        metrics: Mapping[str, OwnMetric],
    ) -> None:
        self._history = history
        self._engine = engine
        self._trainer = Trainer(history=history, engine=engine, metrics=metrics)
        self._model_type = engine.model_type
        self._pacing = Pacing(engine.model_type)
        self._serving: Serving | None = None
        self._versions = 0

    @property
    def model(self) -> FittedModel:
        """What serves now."""
        assert self._serving is not None  # noqa: S101 — the first look deploys or raises  # nosec B101
        return self._serving.model

    def look(self, moment: datetime) -> Look:
        """What a training job that nobody forced does at this time.

        Parameters
        ----------
        moment : datetime
            No earlier than at the look before.

        Returns
        -------
        Look
            With its event.

        Raises
        ------
        RefitError
            The first model may not serve, or the champion cannot be judged.
        """
        check = self._check(moment)
        if self._serving is not None and not check.needs_retraining:
            return self._told(moment, check, Action.NONE, check.reason)
        started = time.perf_counter()
        try:
            look = self._retrain(moment, check)
        except DataError as exc:
            if self._serving is None:
                raise
            look = self._told(moment, check, Action.FAILED, str(exc))
        if self._serving is None:
            raise RefitError(
                f"The first model may not serve: {look.event.reason if look.event else ''}",
                hint="Give it more rows, with a larger --start, or better columns.",
            )
        return replace(look, seconds=time.perf_counter() - started)

    def _check(self, moment: datetime) -> PerformanceCheck:
        serving, model_type = self._serving, self._model_type
        watched, rows = None, CheckRows()
        if serving is not None:
            watched = serving.watched()
            needed = rows_needed(watched, model_type, as_of=moment, window=CHECK_WINDOW)
            rows = self._history.for_check(needed)
        checked = check_champion(
            model_type=model_type,
            watched=watched,
            rows=rows,
            as_of=moment,
            window=CHECK_WINDOW,
            metrics=self._trainer.metrics,
        )
        if serving is not None and checked.state is not None:
            self._serving = serving.left_with(checked.state, moment)
        return checked.check

    def _retrain(self, moment: datetime, check: PerformanceCheck) -> Look:
        serving, model_type = self._serving, self._model_type
        rows = training_rows(self._history, model_type, moment)
        waiting = waiting_span(rows, model_type, as_of=moment)
        quality = assess(
            rows,
            model_type,
            profile=serving.profile if serving else None,
            recent=self._history.happened_in(waiting.start, waiting.end) if waiting else None,
            as_of=moment,
            seed=model_type.random_seed,
        )
        if quality.is_blocking:
            raise DataError(" ".join(f.detail for f in quality.findings if f.blocking))
        plan = self._engine.plan(
            rows,
            as_of=moment,
            champion_cutoff=serving.cutoff if serving else None,
            needs_retraining=serving is not None and check.needs_retraining,
        )
        last = self._pacing.last_attempt
        if serving is not None and last is not None:
            missing = rows_until_next_attempt(rows, model_type, plan, last)
            if missing:
                reason = f"{missing:,} more labels are needed before another training."
                return self._told(moment, check, Action.WAITED, reason)
        if limit := self._pacing.limit(moment):
            return self._told(moment, check, Action.HELD_BACK, limit)
        self._pacing.begin(moment)
        if serving is not None:
            self._serving = replace(serving, attempted_at=moment)
        attempt = self._trainer.attempt(
            rows,
            plan,
            quality=quality,
            serving=self._serving,
            alarm=serving is not None and check.alarm,
            as_of=moment,
        )
        self._pacing.attempted(attempt.trained.plan)
        return self._decide(moment, check, attempt)

    def _decide(self, moment: datetime, check: PerformanceCheck, attempt: Attempt) -> Look:
        """Deploy the challenger when it may, and remember what judged it."""
        self._versions += 1
        serving, validation = self._serving, attempt.validation
        if serving is not None and validation.holdout is not None:
            self._serving = replace(serving, holdouts=(*serving.holdouts, validation.holdout))
        if validation.auto_deployable:
            self._serving = attempt.deployed(self._versions)
        action = Action.DEPLOYED if validation.auto_deployable else Action(validation.verdict.value)
        return self._told(moment, check, action, validation.reason, validation=validation)

    def _told(
        self,
        moment: datetime,
        check: PerformanceCheck,
        action: Action,
        reason: str,
        *,
        validation: Validation | None = None,
    ) -> Look:
        failed = [g.name for g in validation.gates if not g.passed] if validation else []
        event = Event(
            model_type=self._model_type.name,
            as_of=moment,
            verdict=str(check.verdict),
            metric=check.metric,
            baseline=check.baseline,
            current=check.current,
            action=action,
            model_version=self._serving.version if self._serving else None,
            challenger=self._versions if validation else None,
            improvement=validation.improvement if validation else None,
            failed_gates=tuple(failed),
            reason=reason,
        )
        return Look(
            retrained=validation is not None, deployed=action is Action.DEPLOYED, event=event
        )
