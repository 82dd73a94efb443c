from __future__ import annotations

import string
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.explanations.alerts import (
    alert_label,
    alert_status_label,
    severity_label,
    what_to_do,
)
from core.explanations.audit import action_label, entity_label
from core.explanations.checks import verdict_label
from core.explanations.deployments import deployment_label
from core.explanations.failures import explain_failure, how_to_mend
from core.explanations.gates import gate_label, gate_meaning
from core.explanations.jobs import explain_trigger, job_label, stage_label
from core.explanations.metrics import metric_meaning, metric_name, show_change, show_metric
from core.explanations.people import actor_name, environment_label, role_label
from core.explanations.quality import (
    FINDINGS,
    explain_finding,
    explain_score,
    finding_label,
)
from core.explanations.schedules import cron_in_words, schedule_label
from core.explanations.validations import validation_label
from core.explanations.words import Words
from tests.explanations.good_rows import Explain, Row, good_rows
from tests.explanations.plain import LANGUAGES, is_plain

# A letter less than "None", "nan" and "inf" need.
texts = st.text(
    alphabet=string.ascii_uppercase.replace("N", "") + "0123456789 .,:*/-“ü", max_size=20
)
numbers = st.one_of(st.none(), st.integers(), st.floats(), st.floats(min_value=-1, max_value=1))
times = st.one_of(
    st.datetimes(timezones=st.just(timezone(timedelta(hours=14)))),
    st.datetimes(timezones=st.just(timezone(timedelta(hours=-12)))).map(datetime.isoformat),
    st.datetimes(),
)
anything = st.one_of(numbers, texts, st.booleans(), times, st.lists(numbers, max_size=2))
GOOD = list(good_rows())


@st.composite
def spoiled_rows(draw: st.DrawFn) -> tuple[Explain, Row]:
    """A row as it is stored, with any of its fields, and of theirs, replaced by anything."""

    def spoil(row: Row) -> Row:
        parts = {name: spoil(part) for name, part in row.items() if isinstance(part, dict)}
        wrong = draw(st.sets(st.sampled_from(sorted(row)))) if row else set()
        return row | parts | {name: draw(anything) for name in sorted(wrong)}

    explain, row = draw(st.sampled_from(GOOD))
    return explain, spoil(row)


@pytest.mark.parametrize("locale", LANGUAGES)
@given(spoiled=spoiled_rows())
@settings(max_examples=200, deadline=None)
def test_any_row_has_an_explanation_without_holes(
    locale: str, spoiled: tuple[Explain, Row]
) -> None:
    explain, row = spoiled
    is_plain(explain(LANGUAGES[locale], row))


SPOILED = [
    *[None, float("nan"), float("inf"), -1, 0, 10**400, -0.5, True],
    *["", "{x}", [], [None], {}, {"a": 1}],
]


def each_spoiled(row: Row) -> Iterator[Row]:
    """The row with each of its fields, and each of theirs, gone or spoiled in each way."""
    for name, value in row.items():
        yield {other: kept for other, kept in row.items() if other != name}
        for bad in SPOILED:
            yield row | {name: bad}
        if isinstance(value, dict):
            for part in each_spoiled(value):
                yield row | {name: part}


@pytest.mark.parametrize("locale", LANGUAGES)
def test_one_spoiled_field_leaves_no_hole_in_a_sentence(locale: str) -> None:
    words = LANGUAGES[locale]
    for explain, row in GOOD:
        is_plain(explain(words, row))
        for spoiled in each_spoiled(row):
            # What a person wrote may have braces: they are shown, not filled in.
            is_plain(explain(words, spoiled).replace("{x}", "x"))


@pytest.mark.parametrize("locale", LANGUAGES)
def test_an_empty_row_has_an_explanation(locale: str) -> None:
    for explain, _row in GOOD:
        is_plain(explain(LANGUAGES[locale], {}))
    is_plain(explain_failure(LANGUAGES[locale], {}))
    is_plain(how_to_mend(LANGUAGES[locale], {}))
    is_plain(actor_name(LANGUAGES[locale], None))


@pytest.mark.parametrize("locale", LANGUAGES)
def test_a_finding_without_its_figures_is_still_explained(locale: str) -> None:
    for name in FINDINGS:
        is_plain(explain_finding(LANGUAGES[locale], {"name": name, "detail": "Rewritten."}))


LABELS: dict[str, Callable[[Words, str | None], str]] = {
    "alert": alert_label,
    "alert status": alert_status_label,
    "severity": severity_label,
    "what to do": what_to_do,
    "action": action_label,
    "entity": entity_label,
    "check": verdict_label,
    "deployment": deployment_label,
    "gate": gate_label,
    "gate's meaning": gate_meaning,
    "job": job_label,
    "stage": stage_label,
    "trigger": explain_trigger,
    "metric": metric_name,
    "metric's meaning": metric_meaning,
    "role": role_label,
    "environment": environment_label,
    "finding": finding_label,
    "schedule": schedule_label,
    "validation": validation_label,
    "cron": lambda words, text: cron_in_words(words, text, text),
}


@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("locale", LANGUAGES)
def test_what_nobody_has_named_yet_has_a_label(locale: str, name: str) -> None:
    for unknown in (None, "", "brand_new", "brand_new.thing"):
        is_plain(LABELS[name](LANGUAGES[locale], unknown))


@given(
    cron=st.lists(
        st.sampled_from(["*", "*/5", "0", "7", "59", "1-5", "MON", "1,4", "x", "*/0"]),
        min_size=4,
        max_size=6,
    ).map(" ".join)
)
def test_any_cron_expression_is_said(cron: str) -> None:
    for words in LANGUAGES.values():
        is_plain(cron_in_words(words, cron, "UTC"))


@given(value=st.one_of(st.none(), st.floats(min_value=-1e15, max_value=1e15)))
def test_any_figure_is_shown(value: float | None) -> None:
    for words in LANGUAGES.values():
        for metric in ["accuracy", "mae", "mape", None]:
            is_plain(show_metric(words, metric, value))
            is_plain(show_change(words, metric, value))
        is_plain(explain_score(words, value))
