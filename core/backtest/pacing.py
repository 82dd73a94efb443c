"""How often a model type may be trained: the rules that the database keeps in real life."""

from __future__ import annotations

from datetime import UTC, datetime

from core.domain import ModelType, TrainingPlan


class Pacing:
    """Cool-down and monthly budget, as ``private.find_training_limit`` has them.

    Parameters
    ----------
    model_type : ModelType

    Examples
    --------
    >>> from datetime import timedelta
    >>> from core.domain import Task
    >>> kind = ModelType(name="a", source_relation="a", key_columns=("id",), time_column="at",
    ...     target_column="y", feature_columns=("x",), task=Task.REGRESSION, metric="mae",
    ...     cool_down=timedelta(days=1), monthly_retraining_budget=2)
    >>> pacing, noon = Pacing(kind), datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> pacing.begin(noon)
    >>> pacing.limit(noon + timedelta(hours=1))
    'cool_down: the last training began at 2026-01-01 12:00.'
    >>> pacing.limit(noon + timedelta(days=1)) is None
    True
    >>> pacing.begin(noon + timedelta(days=1))
    >>> pacing.limit(noon + timedelta(days=9))
    'monthly_retraining_budget: 2 of 2 trainings have begun this month.'
    """

    def __init__(self, model_type: ModelType) -> None:
        self._model_type = model_type
        self._begun: list[datetime] = []
        self.last_attempt: datetime | None = None  # newest row that any training has seen

    def limit(self, moment: datetime) -> str | None:
        """Why no training may begin now; None when one may.

        Parameters
        ----------
        moment : datetime
            With a time zone; months are those of UTC.

        Returns
        -------
        str or None
            The setting that forbids it and why, in one sentence.
        """
        if self._begun and self._begun[-1] + self._model_type.cool_down > moment:
            return f"cool_down: the last training began at {self._begun[-1]:%Y-%m-%d %H:%M}."
        budget = self._model_type.monthly_retraining_budget
        begun = sum(_month(one) == _month(moment) for one in self._begun)
        if budget is not None and begun >= budget:
            return (
                f"monthly_retraining_budget: {begun} of {budget} trainings have begun this month."
            )
        return None

    def begin(self, moment: datetime) -> None:
        """Note that a training begins: it counts, whatever comes of it.

        Parameters
        ----------
        moment : datetime
            With a time zone.
        """
        self._begun.append(moment)

    def attempted(self, plan: TrainingPlan) -> None:
        """Note what a training has seen, once it has made a model.

        Parameters
        ----------
        plan : TrainingPlan
        """
        self.last_attempt = max(plan.window_end, self.last_attempt or plan.window_end)


def _month(moment: datetime) -> tuple[int, int]:
    at = moment.astimezone(UTC)
    return at.year, at.month
