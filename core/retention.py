"""How long the rows of each table are kept.

Models, deployments, validations, training jobs and schedules are kept for ever: they say what
served when and why, they name each other, and there are few of them. Here is what grows with every
check, event and line.
"""

from __future__ import annotations

from collections.abc import Mapping

# Days by table; at the end of each month's partition for the two that have partitions.
DEFAULT_DAYS: Mapping[str, int] = {
    "workflow_audit_logs": 1095,
    "ml_performance_metrics": 1095,
    "ml_training_data_quality": 1095,
    "ml_operations": 365,
    "ml_alerts": 365,
    "ml_webhook_deliveries": 90,
    "ml_notifications": 365,
    "job_log_lines": 90,
}
_FOREVER = "forever"
_MOST_DAYS = 99_999


def parse_retention(text: str) -> dict[str, int]:
    """Days by table from a text such as ``job_log_lines=30, ml_alerts=forever``.

    Parameters
    ----------
    text : str
        Tables with the days to keep their rows, between commas; the others keep their default.

    Returns
    -------
    dict
        Days by table; what is kept for ever is not in it.

    Raises
    ------
    ValueError
        It names what is wrong and what would be right.

    Examples
    --------
    >>> days = parse_retention("job_log_lines=30, ml_alerts=forever")
    >>> days["job_log_lines"], "ml_alerts" in days, days["ml_operations"]
    (30, False, 365)
    """
    days = dict(DEFAULT_DAYS)
    named: set[str] = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        table, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise ValueError(f"{part!r} must be TABLE=DAYS, such as job_log_lines=30")
        if table not in DEFAULT_DAYS:
            raise ValueError(f"{table!r} has no retention; there are {', '.join(DEFAULT_DAYS)}")
        if table in named:
            raise ValueError(f"{table} is there twice")
        named.add(table)
        if value == _FOREVER:
            del days[table]
        elif value.isascii() and value.isdecimal() and 1 <= int(value) <= _MOST_DAYS:
            days[table] = int(value)
        else:
            raise ValueError(
                f"{table} must be kept for 1 to {_MOST_DAYS} days, or {_FOREVER}, not {value!r}"
            )
    return days
