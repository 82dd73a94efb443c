"""Making findings: a sentence, and the figures that it was made from."""

from __future__ import annotations

from typing import Any

from core.domain import QualityFinding


def found(
    name: str, column: str | None, detail: str, *, blocking: bool = False, **figures: Any
) -> QualityFinding:
    """A finding about a column, or about the rows where it is None.

    Parameters
    ----------
    name : str
        A word for what was found, in snake case.
    column : str or None
    detail : str
        One sentence for a person.
    blocking : bool
        Whether it stops a training.
    **figures : object
        What the sentence was made from: JSON values.

    Returns
    -------
    QualityFinding

    Examples
    --------
    >>> found("too_few_rows", None, "12 labelled rows; 100 are needed.", rows=12).figures
    {'rows': 12}
    """
    return QualityFinding(
        name=name, column=column, blocking=blocking, detail=detail, figures=figures
    )
