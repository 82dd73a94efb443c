"""Metrics by name and meaning, and how their values are shown."""

from __future__ import annotations

import math

from core.explanations.rows import Row
from core.explanations.words import Words

# What core.engines.metrics knows, which a function must not load; a test compares the two.
_IN_POINTS = frozenset({"accuracy", "f1", "roc_auc", "r2"})
_HIGHER_IS_BETTER = _IN_POINTS
_SHOWN_AS_SHARE = _IN_POINTS | {"mape"}
_KNOWN = _SHOWN_AS_SHARE | {"log_loss", "mae", "rmse"}
MISSING = "–"
_LEAST_SHOWN = 1e-9
# A difference of more than ten times the earlier value says that this was nearly 0, and no more.
LARGEST_SHARE = 10.0
# What such a share is taken of at least; as in core.engines.metrics.
SMALLEST = 2.0**-52


def metric_name(words: Words, metric: str | None, *, label: str = "") -> str:
    """A metric's name for people.

    Parameters
    ----------
    words : Words
    metric : str or None
    label : str
        What one of the user's own calls itself, as stored with its values.

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
    return names.get(metric or "") or label or metric or _("Quality")


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


def is_higher_better(metric: str | None, figures: Row | None = None) -> bool:
    """Whether a larger value is a better one.

    Parameters
    ----------
    metric : str or None
    figures : mapping, optional
        What is stored beside its values: of a metric of the user's own that alone says it.

    Examples
    --------
    >>> is_higher_better("accuracy"), is_higher_better("mae")
    (True, False)
    >>> is_higher_better("acme.metrics:profit", {"higher_is_better": True})
    True
    """
    if is_known(metric):
        return metric in _HIGHER_IS_BETTER
    return (figures or {}).get("higher_is_better") is True


def is_in_points(metric: str | None, figures: Row | None = None) -> bool:
    """Whether differences are taken as they are; otherwise as a share of the earlier value.

    Parameters
    ----------
    metric : str or None
    figures : mapping, optional
        As for :func:`is_higher_better`.

    Examples
    --------
    >>> is_in_points("accuracy"), is_in_points("acme.metrics:profit", {"in_points": True})
    (True, True)
    """
    if is_known(metric):
        return metric in _IN_POINTS
    return (figures or {}).get("in_points") is True


def is_known(metric: str | None) -> bool:
    """Whether it is one of Refit's metrics, not one of the user's own."""
    return metric in _KNOWN


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


def show_change(
    words: Words,
    metric: str | None,
    change: float | None,
    *,
    in_points: bool | None = None,
    whole: float | None = None,
) -> str:
    """The size of a difference, without its sign.

    Parameters
    ----------
    words : Words
    metric : str or None
    change : float or None
        A degradation or an improvement as stored: points of one for accuracy and the like, a
        share of the earlier value for errors.
    in_points : bool, optional
        Whether a metric of the user's own is stored in points.
    whole : float, optional
        What shares are of, where the difference itself is to be told in place of its share.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> show_change(ENGLISH, "accuracy", -0.021), show_change(ENGLISH, "mae", 0.043)
    ('2.1 points', '4.3%')
    >>> show_change(ENGLISH, "accuracy", 0.0001)
    'less than 0.1 points'
    >>> show_change(ENGLISH, "accuracy", 0.0)
    '0 points'
    >>> show_change(ENGLISH, "mae", 480.0), show_change(ENGLISH, "mae", 480.0, whole=0.001)
    ('over 1,000%', '0.48')
    """
    if change is None:
        return MISSING
    size = abs(change)
    if not (is_in_points(metric) if in_points is None else in_points):
        if whole is None:
            return _share(words, size)
        size *= max(abs(whole), SMALLEST)
    if metric in _SHOWN_AS_SHARE:
        return _points(words, size)
    return words.numbers.number(size, _digits_that_tell(size))


def _points(words: Words, size: float) -> str:
    tenths = _tenths(size)
    shown = tenths / 10
    message = words.ngettext("{points} point", "{points} points", 1 if shown == 1 else 2)
    return _or_less(words, message.format(points=words.numbers.number(shown)), size)


def _share(words: Words, size: float) -> str:
    if size > LARGEST_SHARE:
        most = words.numbers.percent(LARGEST_SHARE)
        return words.gettext("over {amount}").format(amount=most)
    return _or_less(words, words.numbers.percent(_tenths(size) / 1000), size)


def _tenths(size: float) -> int:
    """Of a point or a percent; a difference that there is has one at least."""
    return max(round(1000 * size), 1 if size else 0)


def _or_less(words: Words, amount: str, size: float) -> str:
    if round(1000 * size) or not size:
        return amount
    return words.gettext("less than {amount}").format(amount=amount)
