"""When a callback that failed is tried again."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random

_SECOND, _MINUTE, _HOUR = 1.0, 60.0, 3600.0
# After each attempt; together, with the jitter, within the day after which SQL gives up.
DELAYS_S = (
    *(5 * _SECOND, 30 * _SECOND, 2 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE),
    *(1 * _HOUR, 2 * _HOUR, 4 * _HOUR, 6 * _HOUR, 8 * _HOUR),
)
JITTER = 0.1  # so that what failed together does not come back together
MOST_ASKED_S = 1 * _HOUR


def delay_after(attempt: int, chance: Random, *, asked_s: float = 0.0) -> float:
    """Seconds until the next attempt.

    Parameters
    ----------
    attempt : int
        Which one failed, from 1.
    chance : Random
        Where the jitter comes from: up to a tenth more or less.
    asked_s : float
        Seconds that the receiver asked for: counts up to an hour, and never shortens the delay.

    Examples
    --------
    >>> [round(delay_after(n, Random(0))) for n in (1, 3, 10, 11)]
    [5, 128, 30784, 30784]
    >>> delay_after(1, Random(0), asked_s=86400)
    3600.0
    """
    planned = DELAYS_S[min(attempt, len(DELAYS_S)) - 1]
    planned *= 1 + chance.uniform(-JITTER, JITTER)
    return max(planned, min(asked_s, MOST_ASKED_S))


def asked_seconds(retry_after: str | None, now: datetime) -> float:
    """Seconds that a Retry-After header asks for; 0 when it is missing or makes no sense.

    >>> asked_seconds("120", datetime(2026, 1, 1, tzinfo=UTC))
    120.0
    >>> asked_seconds("Thu, 01 Jan 2026 00:01:30 GMT", datetime(2026, 1, 1, tzinfo=UTC))
    90.0
    """
    text = (retry_after or "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return 0.0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
