"""Every setting of a model type as a form has it: labels, units, bounds, from text and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from core.explanations.metrics import metric_name
from functions.dashboard.visit import Visit

Json = dict[str, Any]
DAY_S = 86_400
HOUR_S = 3_600
# Their thresholds are shares of the value before, not points.
_ERRORS = {"log_loss", "mae", "rmse", "mape"}
_METRICS = {
    "classification": ("accuracy", "f1", "roc_auc", "log_loss"),
    "regression": ("r2", "mae", "rmse", "mape"),
}


@dataclass(frozen=True, kw_only=True)
class Field:
    """A setting as a form has it.

    ``scale`` is how many of the form's units make one of the API's: a threshold of 0.03 is written
    as 3. ``least`` and ``most`` are in the form's units.
    """

    name: str  # the API's field
    label: str
    hint: str = ""
    kind: str = "text"  # text, long, number, choice, check, lines, json
    unit: Callable[[float], str] = lambda _value: ""  # by its value: 1 day, 2 days
    scale: float = 1
    whole: bool = False
    least: float | None = None
    most: float | None = None
    may_be_empty: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    for_engineers: bool = False


def fields_of(visit: Visit, settings: Mapping[str, Any]) -> list[Field]:
    """Every setting that may change, in the order of the form."""
    return [*for_everybody(visit, settings), *_for_engineers(visit)]


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
                (metric, metric_name(visit.words, metric)) for metric in _METRICS[settings["task"]]
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
            unit=lambda value: visit.ngettext("day", "days", _form(value)),
            scale=1 / DAY_S,
            least=1,
            most=36_000,
            may_be_empty=True,
        ),
        Field(
            name="cool_down_seconds",
            label=_("Least time between two trainings"),
            kind="number",
            unit=lambda value: visit.ngettext("hour", "hours", _form(value)),
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


def _share(visit: Visit, metric: str, value: float) -> str:
    """The unit of a threshold."""
    return "%" if metric in _ERRORS else str(visit.ngettext("point", "points", _form(value)))


def _form(value: float) -> int:
    """Which form a word has beside a number: languages count whole ones."""
    return 1 if value == 1 else 2


def unit_of(field: Field, given: str) -> str:
    """The unit beside what the form says; of several where that is no number."""
    try:
        return field.unit(float(given.replace(",", ".")))
    except ValueError:
        return field.unit(2)


def _for_engineers(visit: Visit) -> list[Field]:
    _ = visit.gettext
    return [
        Field(
            name="final_fit",
            label=_("Learn once more from all cases before it is deployed"),
            kind="check",
            for_engineers=True,
        ),
        Field(
            name="engine",
            label=_("Engine"),
            hint=_("A built-in name, or package.module:factory from the allow-list."),
            for_engineers=True,
        ),
        Field(
            name="engine_parameters",
            label=_("Parameters of the engine"),
            hint=_("A JSON object."),
            kind="json",
            for_engineers=True,
        ),
        Field(
            name="feature_columns",
            label=_("Columns to learn from"),
            hint=_("One a line."),
            kind="lines",
            for_engineers=True,
        ),
        Field(
            name="label_delay_seconds",
            label=_("The outcome is known after"),
            kind="number",
            unit=lambda value: visit.ngettext("day", "days", _form(value)),
            scale=1 / DAY_S,
            least=0,
            most=1_800,
            for_engineers=True,
        ),
        Field(
            name="random_seed",
            label=_("Random seed"),
            kind="number",
            whole=True,
            least=-(2**31),
            most=2**31 - 1,
            for_engineers=True,
        ),
    ]


def to_text(field: Field, value: Any) -> str:
    """The setting as the form writes it."""
    if value is None:
        return ""
    if field.kind == "check":
        return "on" if value else ""
    if field.kind == "number":
        return f"{value * field.scale:.10g}"
    if field.kind == "lines":
        return "\n".join(value)
    if field.kind == "json":
        return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=2)
    return str(value)


def clean_text(field: Field, value: str | None) -> str:
    """What the form says, without the line ends and spaces that browsers and people add."""
    lines = [line.strip() for line in (value or "").splitlines()]
    if field.kind == "lines":
        return "\n".join(line for line in lines if line)
    return (value or "").replace("\r\n", "\n").strip()


def _number(field: Field, given: str) -> float | int | None:
    if not given and field.may_be_empty:
        return None
    number = float(given.replace(",", "."))
    out_of_range = (field.least is not None and number < field.least) or (
        field.most is not None and number > field.most
    )
    if out_of_range or (field.whole and not number.is_integer()):
        raise ValueError(given)
    # A hundredth more or less would be another value: 3 % is 0.03.
    return int(number) if field.whole else round(number / field.scale, 10)


def _json(_field: Field, given: str) -> Json:
    value = json.loads(given or "{}")
    if not isinstance(value, dict):
        raise ValueError("no object")  # noqa: TRY004 — what is wrong is the text that was given
    return value


_READ: dict[str, Callable[[Field, str], Any]] = {
    "text": lambda _field, given: given,
    "long": lambda _field, given: given,
    "choice": lambda _field, given: given,
    "check": lambda _field, given: given == "on",
    "lines": lambda _field, given: given.split("\n"),
    "number": _number,
    "json": _json,
}


def from_text(field: Field, given: str) -> Any:
    """What the form says, as the API takes it.

    Raises
    ------
    ValueError
        Where it makes no sense; :func:`what_it_must_be` says why.
    """
    return _READ[field.kind](field, given)


def what_it_must_be(visit: Visit, field: Field) -> str:
    """What is wrong with a text that :func:`from_text` does not take."""
    _ = visit.gettext
    if field.kind == "json":
        example = '{"max_iter": 200}'
        return str(_("This must be a JSON object, such as {example}.").format(example=example))
    least, most = visit.format.number(field.least), visit.format.number(field.most)
    message = (
        _("This must be a whole number from {least} to {most}.")
        if field.whole
        else _("This must be a number from {least} to {most}.")
    )
    return str(message.format(least=least, most=most))
