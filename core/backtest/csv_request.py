"""A person's own data in a CSV file, as they describe it to `refit backtest` and `refit demo`."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self

from core.datasets.csv_parsing import parse_csv
from core.datasets.intervals import parse_interval
from core.datasets.names import safe_name
from core.errors import InvalidRequest

STEP = "7d"
START = 0.1


@dataclass(frozen=True, kw_only=True)
class CsvRequest:
    """A person's own data, as they described it.

    Attributes
    ----------
    path : Path
    target : str
        Heading or name of the column to predict.
    time : str or None
        Of the column of times.
    every : timedelta or None
        From row to row, where they carry no times.
    step : timedelta
        From look to look.
    start : float
        Share of the rows for the first training, in (0, 1).

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "sales.csv"
    ...     _ = path.write_text("day,price" + chr(10) + "2026-01-01,3")
    ...     asked = CsvRequest.read(path, target="price", time="day", every=None, step=None,
    ...         start=None)
    >>> asked.start, asked.step.days
    (0.1, 7)
    """

    path: Path
    target: str
    time: str | None
    every: timedelta | None
    step: timedelta
    start: float

    def check(self) -> None:
        """Refuse what can be refused before anything is started.

        Raises
        ------
        InvalidRequest
            The file cannot be read, or lacks a column.
        """
        headings = parse_csv(self.path).headings
        for option, name in (("--target", self.target), ("--time", self.time)):
            if name is None or name in headings or safe_name_of(name) in _safe(headings):
                continue
            near = difflib.get_close_matches(name, headings, n=3)
            hint = f"Did you mean {' or '.join(near)}?" if near else f"It has: {_listed(headings)}."
            raise InvalidRequest(f"{self.path} has no column {name!r} for {option}.", hint=hint)

    @classmethod
    def read(
        cls,
        path: Path,
        *,
        target: str | None,
        time: str | None,
        every: str | None,
        step: str | None,
        start: float | None,
    ) -> Self:
        """From what was written on the command line, once it is known to fit the file.

        Parameters
        ----------
        path : Path
            Of the file.
        target : str or None
            Heading or name of the column to predict; it has to be there.
        time : str or None
            Of the column of times; None where ``every`` stands in for it, or the file has but one.
        every : str or None
            Interval between two rows, as ``15m``, where they carry no times.
        step : str or None
            Interval from look to look; None: a week.
        start : float or None
            Share of the rows for the first training, in (0, 1); None: a tenth.

        Returns
        -------
        CsvRequest

        Raises
        ------
        InvalidRequest
            Something is missing, out of range, or not in the file.
        """
        if target is None:
            raise InvalidRequest("--data needs --target.", hint="Name the column to predict.")
        asked = cls(
            path=path,
            target=target,
            time=time,
            every=None if every is None else parse_interval(every),
            step=parse_interval(step or STEP),
            start=read_share(start),
        )
        asked.check()
        return asked


def read_share(start: float | None) -> float:
    """The share of the rows for the first training.

    Parameters
    ----------
    start : float or None
        None: a tenth.

    Returns
    -------
    float
        In (0, 1).

    Raises
    ------
    InvalidRequest
        It is not between 0 and 1.

    Examples
    --------
    >>> read_share(None), read_share(0.25)
    (0.1, 0.25)
    """
    share = START if start is None else start
    if not 0 < share < 1:
        raise InvalidRequest(
            f"--start {share:g} is out of range.",
            hint="It is the share of the rows for the first training, between 0 and 1.",
        )
    return share


def safe_name_of(text: str) -> str:
    """The name in the database for a heading or file name, reserved words apart.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        Of lower-case letters, digits and ``_``; ``data`` where the text has none.

    Examples
    --------
    >>> safe_name_of("Unit Price (€)")
    'unit_price'
    """
    return safe_name(text, fallback="data", reserved=())


def _safe(headings: tuple[str, ...]) -> set[str]:
    return {safe_name_of(heading) for heading in headings}


def _listed(headings: tuple[str, ...]) -> str:
    more = len(headings) - 20
    return ", ".join(headings[:20]) + (f" and {more} more" if more > 0 else "")
