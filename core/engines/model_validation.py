"""May this challenger serve? Gate by gate, and one verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import pandas as pd

from core.domain import (
    DRY_RUN_GATES,
    DataQuality,
    DeploymentRule,
    HoldoutUse,
    ModelType,
    Validation,
    ValidationVerdict,
    refusal_of_dry_runs,
)
from core.engines.columns import target_values
from core.engines.contest import Contest, hold_contest
from core.engines.entities import entity_codes
from core.engines.fitted_model import FittedModel
from core.engines.gates import (
    Judged,
    ReloadCheck,
    artifact_reproduces,
    beats_baseline,
    data_quality,
    enough_rows,
    latency,
    size,
)
from core.engines.metrics import Scored, get_metric
from core.engines.own_metrics import OwnMetric
from core.engines.validation_reason import validation_reason
from core.errors import InvalidRequest

__all__ = ["ModelValidationFramework", "ReloadCheck"]

# The verdict of a validation is the worst that one of its gates gives.
_FROM_WORST = (ValidationVerdict.REJECTED, ValidationVerdict.INCONCLUSIVE)


class ModelValidationFramework:
    """Judges challengers of one model type.

    Parameters
    ----------
    model_type : ModelType
    metrics : mapping of str to OwnMetric, optional
        The allow-listed metrics of the user's own, by import path.

    Raises
    ------
    InvalidRequest
        When ``dry_run_gates`` names a gate that there is not, or that cannot be a dry run.

    Examples
    --------
    >>> from core.domain import Task
    >>> kind = ModelType(name="a", source_relation="a", key_columns=("id",), time_column="at",
    ...     target_column="y", feature_columns=("x",), task=Task.REGRESSION, metric="mae",
    ...     dry_run_gates=("slices",))
    >>> ModelValidationFramework(kind).metric.label
    'MAE'
    """

    def __init__(
        self, model_type: ModelType, *, metrics: Mapping[str, OwnMetric] | None = None
    ) -> None:
        self.model_type = model_type
        self.metric = get_metric(model_type.metric, model_type.task, metrics)
        if refusal := refusal_of_dry_runs(model_type.dry_run_gates):
            raise InvalidRequest(refusal, hint=f"Use names of {', '.join(DRY_RUN_GATES)}.")

    def validate(
        self,
        *,
        challenger: FittedModel,
        champion: FittedModel | None,
        holdout: pd.DataFrame,
        champion_cutoff: datetime | None,
        quality: DataQuality,
        training_rows: int,
        train_frame: pd.DataFrame,
        reload: ReloadCheck | None,
        seed: int,
        alarm: bool = False,
        suspected: bool = False,
        earlier_holdouts: Sequence[HoldoutUse] = (),
        latency_ms: float | None = None,
        size_bytes: int | None = None,
        is_champion: bool = False,
        artifact_hash: str | None = None,
    ) -> Validation:
        """Judge a challenger.

        Parameters
        ----------
        challenger : FittedModel
            The approved fit: it has not seen ``holdout``.
        champion : FittedModel or None
            None for a first model: the comparison is skipped, the absolute gates decide.
        holdout : DataFrame of n rows
            Labelled rows later than what the challenger was trained and calibrated on.
        champion_cutoff : datetime or None
            Time of the newest row that the champion has seen; only later rows compare the two.
        quality : DataQuality
            Of the training data.
        training_rows : int
            Rows of the training window, holdout included.
        train_frame : DataFrame
            The rows that the challenger was trained on; the baseline guesses from their target.
        reload : ReloadCheck or None
            None where no store is involved (a backtest): the gate is left out.
        seed : int
            Of the bootstrap.
        alarm : bool
            Whether the champion's alarm stands: it has surely got worse.
        suspected : bool
            Whether a check asked for the challenger: then the newest rows, of which some may only
            by chance be bad for the champion, were looked at already, and judge a second time.
        earlier_holdouts : sequence of HoldoutUse
            What rows earlier validations against this very deployment judged by.
        latency_ms : float or None
            95th percentile of predicting one row, in milliseconds; None where it was not measured
            (a backtest): the gate is left out.
        size_bytes : int or None
            Of the stored artifact; None as for the latency.
        is_champion : bool
            Whether the challenger is what serves: then ``champion`` is None, as for a first model.
        artifact_hash : str or None
            Of the challenger, to know it again where the same rows have judged it before; None
            where no store is involved (a backtest): each challenger is a new one.

        Returns
        -------
        Validation
            Its verdict is the worst of the gates that are no dry run.

        Raises
        ------
        DataError
            When ``holdout`` lacks the target, a feature or the entity column.
        """
        scored = challenger.scored(holdout)
        absolute = [
            enough_rows(training_rows, len(holdout), self.model_type),
            data_quality(quality),
            self._better_than_a_guess(scored, train_frame, holdout, seed),
            *self._of_the_artifact(reload, latency_ms, size_bytes),
        ]
        contest = hold_contest(
            self.model_type,
            self.metric,
            challenger=scored,
            champion=champion,
            holdout=holdout,
            champion_cutoff=champion_cutoff,
            earlier_holdouts=earlier_holdouts,
            chosen_by_rows=suspected and not alarm,
            seed=seed,
            is_champion=is_champion,
            artifact_hash=artifact_hash,
        )
        return self._conclude(absolute, contest, alarm=alarm)

    def _better_than_a_guess(
        self, scored: Scored, train_frame: pd.DataFrame, holdout: pd.DataFrame, seed: int
    ) -> Judged:
        target = target_values(train_frame, self.model_type.target_column, self.model_type.task)
        entities = entity_codes(holdout, self.model_type)
        return beats_baseline(self.metric, scored, target, seed=seed, entities=entities)

    def _of_the_artifact(
        self, reload: ReloadCheck | None, latency_ms: float | None, size_bytes: int | None
    ) -> list[Judged]:
        """The gates of what was measured on the stored artifact."""
        judged = []
        if reload is not None:
            judged.append(artifact_reproduces(reload))
        if latency_ms is not None:
            judged.append(latency(latency_ms, self.model_type))
        if size_bytes is not None:
            judged.append(size(size_bytes, self.model_type))
        return judged

    def _conclude(self, absolute: list[Judged], contest: Contest, *, alarm: bool) -> Validation:
        dry = set(self.model_type.dry_run_gates)
        judged = [
            replace(one, gate=replace(one.gate, dry_run=one.gate.name in dry))
            for one in (*absolute, *contest.judged)
        ]
        verdicts = {one.verdict for one in judged if not one.gate.dry_run}
        verdict = next((v for v in _FROM_WORST if v in verdicts), ValidationVerdict.APPROVED)
        rule = DeploymentRule.NONE
        if verdict is ValidationVerdict.APPROVED:
            rule = contest.rule(self.model_type.auto_deployment_threshold, alarm=alarm)
        against = contest.against
        return Validation(
            verdict=verdict,
            auto_deployable=rule is not DeploymentRule.NONE,
            improvement=against.improvement if against else None,
            confidence_interval=(against.lower, against.upper) if against else None,
            samples=contest.samples,
            gates=tuple(one.gate for one in judged),
            reason=validation_reason(
                judged,
                verdict,
                rule,
                metric=self.metric,
                threshold=self.model_type.auto_deployment_threshold,
            ),
            rule=rule,
            alarm=alarm,
            alpha=contest.alpha,
            holdout_use=contest.holdout_use,
            holdout=contest.holdout,
        )
