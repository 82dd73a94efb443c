"""Metrics by name and meaning, and how their values are shown."""

from __future__ import annotations

import math
import re

from core.explanations.words import Words

# What core.engines.metrics knows, which a function must not load; a test compares the two.
_IN_POINTS = frozenset({"accuracy", "f1", "roc_auc", "r2"})
_HIGHER_IS_BETTER = _IN_POINTS
_SHOWN_AS_SHARE = _IN_POINTS | {"mape"}
# How the engines' own sentences begin.
_LABELS = {
    "accuracy": "accuracy",
    "F1": "f1",
    "ROC AUC": "roc_auc",
    "log loss": "log_loss",
    "R²": "r2",
    "MAE": "mae",
    "RMSE": "rmse",
    "MAPE": "mape",
}
MISSING = "–"
_LEAST_SHOWN = 1e-9


def metric_name(words: Words, metric: str | None) -> str:
    """A metric's name for people.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> metric_name(ENGLISH, "mae")
    'Average error (MAE)'
    """
    _ = words.gettext
    names = {
        "accuracy": _("Accuracy"),
        "f1": _("F1 score"),
        "roc_auc": _("Ranking quality (AUC)"),
        "log_loss": _("Log loss"),
        "r2": _("Explained variation (R²)"),
        "mae": _("Average error (MAE)"),
        "rmse": _("Typical error (RMSE)"),
        "mape": _("Average error as a share (MAPE)"),
    }
    return names.get(metric or "") or metric or _("Quality")


def metric_meaning(words: Words, metric: str | None) -> str:
    """What a metric says, in one sentence.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> metric_meaning(ENGLISH, "accuracy")
    'Of 100 predictions, how many were right.'
    """
    _ = words.gettext
    meanings = {
        "accuracy": _("Of 100 predictions, how many were right."),
        "f1": _(
            "How many of each kind of case the model finds without false alarms; rare kinds "
            "count as much as common ones."
        ),
        "roc_auc": _(
            "Of 100 pairs of cases with different outcomes, how many the model puts in the right "
            "order; 50 is guessing."
        ),
        "log_loss": _(
            "How far the predicted chances are from what really happened; being sure and wrong "
            "counts most, and lower is better."
        ),
        "r2": _(
            "How much of the differences between cases the model explains; 0 is no better than "
            "always guessing the average."
        ),
        "mae": _(
            "How far predictions are off on average, in the units of what is predicted; lower is "
            "better."
        ),
        "rmse": _(
            "How far predictions are typically off, with large misses counting extra; lower is "
            "better."
        ),
        "mape": _(
            "How far predictions are off on average, as a share of the true value; lower is better."
        ),
    }
    return meanings.get(metric or "") or _("How well the model predicts.")


def is_higher_better(metric: str | None) -> bool:
    """Whether a larger value is a better one.

    Examples
    --------
    >>> is_higher_better("accuracy"), is_higher_better("mae")
    (True, False)
    """
    return metric in _HIGHER_IS_BETTER


def show_metric(words: Words, metric: str | None, value: float | None) -> str:
    """A metric's value as people read it; an en dash where there is none.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> show_metric(ENGLISH, "accuracy", 0.8123), show_metric(ENGLISH, "mae", 12.5)
    ('81.2%', '12.5')
    >>> [show_metric(ENGLISH, "mae", value) for value in (0.0104, 0.0108, 1.23456, 12840.0)]
    ['0.0104', '0.0108', '1.235', '12,840']
    """
    if value is None:
        return MISSING
    if metric in _SHOWN_AS_SHARE:
        return words.numbers.percent(value)
    return words.numbers.number(value, _digits_that_tell(value))


def _digits_that_tell(value: float) -> int:
    """How many digits after the point leave three that count below one, and four above it."""
    size = abs(value)
    if size < _LEAST_SHOWN:
        return 0
    exponent = math.floor(math.log10(size))
    return 2 - exponent if exponent < 0 else max(3 - exponent, 0)


def show_change(words: Words, metric: str | None, change: float | None) -> str:
    """The size of a difference, without its sign.

    Parameters
    ----------
    words : Words
    metric : str or None
    change : float or None
        A degradation or an improvement as stored: points of one for accuracy and the like, a
        share of the earlier value for errors.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> show_change(ENGLISH, "accuracy", -0.021), show_change(ENGLISH, "mae", 0.043)
    ('2.1 points', '4.3%')
    >>> show_change(ENGLISH, "accuracy", 0.0001)
    'less than 0.1 points'
    >>> show_change(ENGLISH, "accuracy", 0.0)
    '0 points'
    """
    _ = words.gettext
    if change is None:
        return MISSING
    tenths = round(1000 * abs(change))
    least = 1 if change else 0
    if metric in _IN_POINTS:
        shown = max(tenths, least) / 10
        number = words.numbers.number(shown)
        amount = words.ngettext("{points} point", "{points} points", 1 if shown == 1 else 2).format(
            points=number
        )
    else:
        amount = words.numbers.percent(max(tenths, least) / 1000)
    return amount if tenths or not change else _("less than {amount}").format(amount=amount)


def metric_of_sentence(sentence: str) -> str | None:
    """Which metric a sentence of the engines begins with; None where it names none.

    Examples
    --------
    >>> metric_of_sentence("ROC AUC 0.81 against 0.79 of the champion on 300 rows: …")
    'roc_auc'
    """
    found = re.match("|".join(re.escape(label) for label in _LABELS), sentence)
    return _LABELS[found.group()] if found else None
