"""The settings of a model type that are for engineers."""

from __future__ import annotations

from functions.dashboard.setting_field import DAY_S, Field, word_form
from functions.dashboard.visit import Visit


def for_engineers(visit: Visit) -> list[Field]:
    """Every other setting that may change."""
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
            unit=lambda value: visit.ngettext("day", "days", word_form(value)),
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
        *_training(visit),
        *_judging(visit),
    ]


def _training(visit: Visit) -> list[Field]:
    _ = visit.gettext
    return [
        Field(
            name="search_seconds",
            label=_("Look for better parameters for"),
            hint=_("0: do not look; a training takes that much longer."),
            kind="number",
            unit=lambda value: visit.ngettext("second", "seconds", word_form(value)),
            whole=True,
            least=0,
            most=86_400,
            for_engineers=True,
        ),
        Field(
            name="entity_column",
            label=_("Cases belong together by"),
            hint=_(
                "A column such as the customer. Its cases are never taken for independent ones."
            ),
            may_be_empty=True,
            for_engineers=True,
        ),
    ]


def _judging(visit: Visit) -> list[Field]:
    _ = visit.gettext
    return [
        Field(
            name="slice_columns",
            label=_("Must not get worse for any"),
            hint=_("Columns such as the country, one a line: each of their values is tested."),
            kind="lines",
            may_be_empty=True,
            for_engineers=True,
        ),
        Field(
            name="latency_budget_ms",
            label=_("A prediction may take at most"),
            hint=_("Empty: as long as it takes."),
            kind="number",
            unit=lambda _value: "ms",
            least=0.001,
            most=3_600_000,
            may_be_empty=True,
            for_engineers=True,
        ),
        Field(
            name="size_budget_mb",
            label=_("A stored model may be at most"),
            hint=_("Empty: any size."),
            kind="number",
            unit=lambda _value: "MB",
            least=0.001,
            most=1_000_000,
            may_be_empty=True,
            for_engineers=True,
        ),
        Field(
            name="dry_run_gates",
            label=_("Tests that are only noted"),
            hint=_("Names of tests, one a line: they are recorded and never stop a model."),
            kind="lines",
            may_be_empty=True,
            for_engineers=True,
        ),
    ]
