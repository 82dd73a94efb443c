"""No part of the rows gets worse: the comparison within each value of the slice columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.domain import ModelType, ValidationVerdict
from core.engines.comparison import compare
from core.engines.gates.judged import LEAST_COMMON_ROWS, Judged, in_size, judged
from core.engines.gates.slice_results import (
    LEAST_SLICE_ROWS,
    SLICE_MARGIN,
    Slice,
    with_holm,
)
from core.engines.metrics import Metric, Scored

# What a row without a value counts as.
MISSING = "(missing)"
# Values that are listed though they are too small to judge; of more, only the number is kept.
MOST_UNASSESSED = 20


def slices(
    metric: Metric,
    challenger: Scored,
    champion: Scored,
    rows: pd.DataFrame,
    model_type: ModelType,
    *,
    alpha: float,
    seed: int,
    entities: NDArray[np.intp] | None = None,
) -> Judged:
    """No slice of at least 200 rows gets worse by more than 0.03.

    That each slice is not worse by the margin has to be shown, at the level ``alpha`` for all of
    them together (Holm 1979, "A simple sequentially rejective multiple test procedure",
    Scandinavian Journal of Statistics 6). Smaller slices are not judged, which is said.

    Parameters
    ----------
    metric : Metric
    challenger, champion : Scored
        Of the n common rows.
    rows : DataFrame of n rows
        The same; holds the slice columns.
    model_type : ModelType
    alpha : float in (0, 0.5)
        One-sided level for all slices together.
    seed : int
        Of the bootstrap.
    entities : array (n,) of int, optional
        As :func:`core.engines.comparison.compare` takes them.

    Returns
    -------
    Judged
        Its figures list every slice; its value is the improvement in the worst one.

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> from core.engines.metrics import get_metric
    >>> rows = example_rows(400).assign(city="Ulm")
    >>> same = Scored(truth=rows["y"].to_numpy(), predicted=np.ones(400, dtype=int))
    >>> kind = example_type(slice_columns=("city",))
    >>> found = slices(get_metric("accuracy"), same, same, rows, kind, alpha=0.05, seed=0)
    >>> found.gate.figures["slices"][0]["rows"], found.gate.passed
    (400, True)
    """
    missing = [name for name in model_type.slice_columns if name not in rows.columns]
    if missing:
        names = ", ".join(f'"{name}"' for name in missing)
        return judged(
            "slices",
            ValidationVerdict.INCONCLUSIVE,
            f"The slice column{'s' * (len(missing) > 1)} {names} cannot be found in the rows, so "
            "nothing is known about its slices.",
            threshold=-SLICE_MARGIN,
            figures={"outcome": "missing_column", "missing_columns": missing},
        )
    found, small = [], []
    for column, value, chosen in _parts(rows, model_type.slice_columns):
        one = Slice(column=column, value=value, rows=len(chosen), alpha=alpha)
        if len(chosen) < LEAST_SLICE_ROWS:
            small.append(one)
            continue
        inside = None if entities is None else entities[chosen]
        if inside is not None and len(np.unique(inside)) < LEAST_COMMON_ROWS:
            small.append(one)
            continue
        compared = compare(
            metric,
            challenger.rows(chosen),
            champion.rows(chosen),
            seed=seed,
            alpha=alpha,
            entities=inside,
        )
        found.append(replace(one, compared=compared))
    return _judge(metric, with_holm(found, alpha), small, alpha)


def skipped_slices() -> Judged:
    """There is no champion to compare the slices with.

    Returns
    -------
    Judged
        Approved.

    Examples
    --------
    >>> skipped_slices().gate.passed
    True
    """
    return judged(
        "slices",
        ValidationVerdict.APPROVED,
        "Skipped: there is no champion to compare the slices with.",
        figures={"outcome": "no_champion"},
    )


def _parts(
    rows: pd.DataFrame, columns: Sequence[str]
) -> Iterator[tuple[str, str, NDArray[np.intp]]]:
    """Each value of each column with the positions of its rows, the largest first."""
    for column in columns:
        values = rows[column]
        names = values.astype(str).to_numpy(dtype=object)
        names[values.isna().to_numpy()] = MISSING
        codes, found = pd.factorize(names, sort=True)
        counts = np.bincount(codes, minlength=len(found))
        for code in np.argsort(-counts, kind="stable"):
            yield column, str(found[code]), np.flatnonzero(codes == code)


def _judge(metric: Metric, found: list[Slice], small: list[Slice], alpha: float) -> Judged:
    worse = [one for one in found if one.verdict == "worse"]
    open_ones = [one for one in found if one.verdict in {"undecided", "not_defined"}]
    verdict = ValidationVerdict.APPROVED
    if worse or open_ones:
        verdict = ValidationVerdict.REJECTED if worse else ValidationVerdict.INCONCLUSIVE
    worst = min(
        (one.compared for one in found if one.compared is not None and one.compared.is_defined),
        key=lambda compared: compared.improvement,
        default=None,
    )
    return judged(
        "slices",
        verdict,
        " ".join([*_sentences(metric, found, worse, open_ones), *_unassessed(small)]),
        value=None if worst is None else worst.improvement,
        threshold=-SLICE_MARGIN,
        figures={
            "outcome": {
                ValidationVerdict.APPROVED: "as_good" if found else "unassessed",
                ValidationVerdict.REJECTED: "worse",
                ValidationVerdict.INCONCLUSIVE: "undecided",
            }[verdict],
            **metric.figures,
            "margin": SLICE_MARGIN,
            "alpha": alpha,
            "rows_needed_each": LEAST_SLICE_ROWS,
            "slices": [one.as_json() for one in [*found, *small[:MOST_UNASSESSED]]],
            "unassessed": len(small),
            "unassessed_rows": sum(one.rows for one in small),
        },
    )


def _sentences(
    metric: Metric, found: list[Slice], worse: list[Slice], open_ones: list[Slice]
) -> Iterator[str]:
    margin = in_size(metric, SLICE_MARGIN)
    if not found:
        yield f"No slice has the {LEAST_SLICE_ROWS} common rows that it takes to judge it."
    elif not worse and not open_ones:
        number = "The one slice" if len(found) == 1 else f"Each of {len(found)} slices"
        yield f"{number} is as good as with the champion, to within {margin}."
    for one in worse:
        yield f"Worse where {one.label}: {_measured(metric, one)}."
    for one in open_ones:
        if one.verdict == "not_defined":
            yield f"Where {one.label}, {metric.label} is not defined on {one.rows:,} rows."
        else:
            yield (
                f"Not shown to lose less than {margin} where {one.label}: "
                f"{_measured(metric, one)}; about {one.rows_needed:,} rows of it would decide."
            )


def _measured(metric: Metric, one: Slice) -> str:
    if one.compared is None:
        return f"{one.rows:,} rows"
    return f"{in_size(metric, one.compared.improvement, signed=True)} on {one.rows:,} rows"


def _unassessed(small: list[Slice]) -> Iterator[str]:
    if not small:
        return
    named = ", ".join(one.label for one in small[:3])
    more = f" and {len(small) - 3:,} more" if len(small) > 3 else ""
    yield f"Unassessed, with fewer than {LEAST_SLICE_ROWS} common rows: {named}{more}."
