"""The files that a backtest writes when it is asked to; it writes nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.backtest.page import render
from core.errors import InvalidRequest


def check_path(path: Path, option: str) -> None:
    """Refuse a file that could not be written, before the work.

    Parameters
    ----------
    path : Path
    option : str
        The option that named it, for the hint.

    Raises
    ------
    InvalidRequest
        Its folder is not there, or it is a folder itself.

    Examples
    --------
    >>> check_path(Path("report.html"), "--html")
    """
    if path.is_dir():
        raise InvalidRequest(f"{path} is a folder.", hint=f"Name a file with {option}.")
    if not path.absolute().parent.is_dir():
        raise InvalidRequest(
            f"The folder of {path} is not there.", hint="Make it, or name another file."
        )


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write figures as indented UTF-8.

    Parameters
    ----------
    path : Path
    data : mapping
        As :func:`core.backtest.report.report_data` gives it.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_json(Path(folder) / "found.json", {"rows": 3})
    ...     print((Path(folder) / "found.json").read_text().strip())
    {
      "rows": 3
    }
    """
    text = json.dumps(data, indent=2, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8")


def write_html(path: Path, data: Mapping[str, Any]) -> None:
    """Write the report, one self-contained file.

    Parameters
    ----------
    path : Path
    data : mapping
        As :func:`core.backtest.report.report_data` gives it.

    Raises
    ------
    ConfigurationError
        Plotly's script is not installed.

    Examples
    --------
    See :func:`core.backtest.report.report_data`.
    """
    path.write_text(render(data), encoding="utf-8")
