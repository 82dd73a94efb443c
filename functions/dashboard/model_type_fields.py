"""The settings of a model type that people outside engineering understand, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.explanations.metrics import metric_name
from functions.dashboard.engineer_fields import for_engineers
from functions.dashboard.setting_field import DAY_S, HOUR_S, Field, word_form
from functions.dashboard.visit import Visit

# Their thresholds are shares of the value before, not points.
_ERRORS = {"log_loss", "mae", "rmse", "mape"}
_METRICS = {
    "classification": ("accuracy", "f1", "roc_auc", "log_loss"),
    "regression": ("r2", "mae", "rmse", "mape"),
}


def fields_of(visit: Visit, settings: Mapping[str, Any]) -> list[Field]:
    """Every setting that may change, in the order of the form."""
    return [*for_everybody(visit, settings), *for_engineers(visit)]


def for_everybody(visit: Visit, settings: Mapping[str, Any]) -> list[Field]:
    """What people outside engineering understand, too."""
    _ = visit.gettext
    return [
        Field(name="title", label=_("Title"), hint=_("What people call it.")),
        Field(name="description", label=_("Description"), kind="long"),
        Field(name="owner", label=_("Owner"), hint=_("Who is asked when something is wrong.")),
        Field(
            name="enabled",
            label=_("Look after this model"),
            kind="check",
            hint=_("Switched off, it is neither checked nor retrained; the model in use stays."),
        ),
        Field(
            name="metric",
            label=_("Measured by"),
            kind="choice",
            choices=tuple(
                (metric, metric_name(visit.words, metric)) for metric in _metrics_of(settings)
            ),
        ),
        Field(
            name="retraining_threshold",
            label=_("Retrain when worse by"),
            hint=_("Getting worse by less does not matter."),
            kind="number",
            unit=lambda value: _share(visit, settings["metric"], value),
            scale=100,
            least=0.01,
            most=100,
        ),
        Field(
            name="auto_deployment_threshold",
            label=_("Deploy automatically when better by"),
            hint=_(
                "Better by less, or not surely better, it waits for a person, unless the model in "
                "use got worse."
            ),
            kind="number",
            unit=lambda value: _share(visit, settings["metric"], value),
            scale=100,
            least=0,
            most=100,
        ),
        Field(
            name="min_training_samples",
            label=_("Fewest cases to learn from"),
            kind="number",
            whole=True,
            least=20,
            most=100_000_000,
        ),
        Field(
            name="update_frequency",
            label=_("Check at least"),
            kind="choice",
            choices=(
                ("hourly", _("every hour")),
                ("daily", _("every day")),
                ("weekly", _("every week")),
            ),
        ),
        Field(
            name="training_window_seconds",
            label=_("Learn from the last"),
            hint=_("Empty: from everything there is."),
            kind="number",
            unit=lambda value: visit.ngettext("day", "days", word_form(value)),
            scale=1 / DAY_S,
            least=1,
            most=36_000,
            may_be_empty=True,
        ),
        *_learning(visit, settings),
        Field(
            name="cool_down_seconds",
            label=_("Least time between two trainings"),
            kind="number",
            unit=lambda value: visit.ngettext("hour", "hours", word_form(value)),
            scale=1 / HOUR_S,
            least=0,
            most=43_200,
        ),
        Field(
            name="monthly_retraining_budget",
            label=_("Most trainings in a month"),
            hint=_("Empty: as many as it takes."),
            kind="number",
            whole=True,
            least=0,
            most=1_000_000,
            may_be_empty=True,
        ),
    ]


def _learning(visit: Visit, settings: Mapping[str, Any]) -> list[Field]:
    """What a training makes of the cases that it learns from."""
    _ = visit.gettext
    fields = [
        Field(
            name="window_strategy",
            label=_("How far back it learns"),
            kind="choice",
            hint=_("Where the world changes quickly, old cases can mislead."),
            choices=(
                ("sliding", _("as far as said above")),
                ("expanding", _("always from everything there is")),
                ("adaptive", _("as far as works best on the newest cases")),
            ),
        ),
        Field(
            name="recency_half_life_seconds",
            label=_("A case counts half as much after"),
            hint=_("Empty: old and new cases count the same."),
            kind="number",
            unit=lambda value: visit.ngettext("day", "days", word_form(value)),
            scale=1 / DAY_S,
            least=0.001,
            most=36_000,
            may_be_empty=True,
            when_empty=_("old and new cases count the same"),
        ),
    ]
    if settings["task"] == "classification":
        fields.append(
            Field(
                name="class_weight",
                label=_("Rare outcomes count"),
                kind="choice",
                choices=(
                    ("none", _("as often as they occur")),
                    ("balanced", _("as much as frequent ones")),
                ),
            )
        )
    return fields


def _share(visit: Visit, metric: str, value: float) -> str:
    """The unit of a threshold."""
    return "%" if metric in _ERRORS else str(visit.ngettext("point", "points", word_form(value)))


def _metrics_of(settings: Mapping[str, Any]) -> list[str]:
    """What fits the task, and one of the user's own where that is what it is measured by."""
    return list(dict.fromkeys([*_METRICS[settings["task"]], settings["metric"]]))
