"""Making findings: a sentence, and the figures that it was made from."""

from __future__ import annotations

from typing import Any

from core.domain import QualityFinding


def found(
    name: str, column: str | None, detail: str, *, blocking: bool = False, **figures: Any
) -> QualityFinding:
    """A finding about a column, or about the rows where it is None.

    Examples
    --------
    >>> found("too_few_rows", None, "12 labelled rows; 100 are needed.", rows=12).figures
    {'rows': 12}
    """
    return QualityFinding(
        name=name, column=column, blocking=blocking, detail=detail, figures=figures
    )
