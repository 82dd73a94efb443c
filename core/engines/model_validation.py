"""May this challenger serve? Gate by gate, and one verdict."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from core.domain import DataQuality, ModelType, Validation, ValidationVerdict
from core.engines.columns import target_values
from core.engines.comparison import Comparison, compare
from core.engines.fitted_model import FittedModel
from core.engines.gates import (
    Judged,
    ReloadCheck,
    artifact_reproduces,
    beats_baseline,
    better_than_champion,
    champion_itself,
    data_quality,
    enough_rows,
    first_model,
    is_auto_deployable,
    not_comparable,
)
from core.engines.metrics import Scored, get_metric
from core.engines.time_split import is_after
from core.errors import DataError

__all__ = ["ModelValidationFramework", "ReloadCheck"]

# The verdict of a validation is the worst that one of its gates gives.
_FROM_WORST = (ValidationVerdict.REJECTED, ValidationVerdict.INCONCLUSIVE)


class ModelValidationFramework:
    """Judges challengers of one model type.

    Parameters
    ----------
    model_type : ModelType
    """

    def __init__(self, model_type: ModelType) -> None:
        self.model_type = model_type
        self.metric = get_metric(model_type.metric, model_type.task)

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
        champion_degraded: bool = False,
        is_champion: bool = False,
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
        champion_degraded : bool
            Whether a check found that the champion has got worse.
        is_champion : bool
            Whether the challenger is what serves: then ``champion`` is None, as for a first model.
        """
        scored = challenger.scored(holdout)
        target = target_values(train_frame, self.model_type.target_column, self.model_type.task)
        judged = [
            enough_rows(training_rows, len(holdout), self.model_type),
            data_quality(quality),
            beats_baseline(self.metric, scored, target, seed=seed),
        ]
        if reload is not None:
            judged.append(artifact_reproduces(reload))
        if is_champion:
            judgement, against = champion_itself(), None
        else:
            judgement, against = self._against_champion(
                scored, champion, holdout, champion_cutoff, seed
            )
        verdict = _worst([*judged, judgement])
        threshold = self.model_type.auto_deployment_threshold
        automatic = champion is None or (
            against is not None
            and is_auto_deployable(against, threshold, champion_degraded=champion_degraded)
        )
        defined = against is not None and against.is_defined
        return Validation(
            verdict=verdict,
            auto_deployable=verdict is ValidationVerdict.APPROVED and automatic,
            improvement=against.improvement if against and defined else None,
            confidence_interval=(against.lower, against.upper) if against and defined else None,
            samples=len(holdout) if against is None else against.samples,
            gates=tuple(one.gate for one in (*judged, judgement)),
            reason=_reason([*judged, judgement], verdict, automatic, threshold, is_champion),
        )

    def _against_champion(
        self,
        scored: Scored,
        champion: FittedModel | None,
        holdout: pd.DataFrame,
        champion_cutoff: datetime | None,
        seed: int,
    ) -> tuple[Judged, Comparison | None]:
        if champion is None:
            return first_model(), None
        threshold = self.model_type.auto_deployment_threshold
        common = np.ones(len(holdout), dtype=bool)
        if champion_cutoff is not None:
            common = is_after(holdout, self.model_type, champion_cutoff)
        if not common.any():
            reason = "No row is newer than what both models learnt from: they cannot be compared."
            return not_comparable(reason, threshold), None
        try:
            theirs = champion.scored(holdout[common])
        except DataError as exc:
            return not_comparable(f"The champion cannot be scored: {exc.message}", threshold), None
        against = compare(self.metric, scored.rows(common), theirs, seed=seed)
        return better_than_champion(self.metric, against, threshold), against


def _worst(judged: list[Judged]) -> ValidationVerdict:
    verdicts = {one.verdict for one in judged}
    return next((v for v in _FROM_WORST if v in verdicts), ValidationVerdict.APPROVED)


def _reason(
    judged: list[Judged],
    verdict: ValidationVerdict,
    automatic: bool,
    threshold: float,
    is_champion: bool,
) -> str:
    deciding = next((one for one in judged if one.verdict is verdict), judged[-1])
    if verdict is not ValidationVerdict.APPROVED:
        return deciding.gate.detail
    comparison = judged[-1].gate.detail
    if judged[-1].gate.threshold is None:
        # No other model to compare with: what it is better than is the constant guess.
        baseline = next(one for one in judged if one.gate.name == "beats_baseline")
        what = "The champion itself" if is_champion else "First model"
        return f"{what}: {baseline.gate.detail}"
    if automatic:
        return comparison
    return (
        f"{comparison} As good as the champion, but not surely better by {threshold:g}: "
        "it waits for a person to deploy it."
    )
