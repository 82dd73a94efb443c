"""A backtest as one HTML file that needs nothing else: tables, and plots beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from core.backtest.records import POLICY_NAMES, Action, Policy
from core.backtest.report import verdict_in_words
from core.errors import ConfigurationError

_FOLDER = Path(__file__).parent / "report_page"
_MEANINGS = {
    Policy.NEVER: "The first model serves for good.",
    Policy.REFIT: "Checks at every step; trains when that is needed, deploys what is proven.",
    Policy.EVERY_STEP: "A new model at every step, no questions asked.",
    Policy.NAIVE: "Retrains when the figure fell by the threshold, deploys what looks better.",
}
_DONE = {
    Action.NONE: "nothing to do",
    Action.WAITED: "waited for more labels",
    Action.HELD_BACK: "held back",
    Action.FAILED: "training failed",
    Action.DEPLOYED: "retrained and deployed",
    Action.APPROVED: "retrained; as good, waits for a person",
    Action.REJECTED: "retrained; rejected",
    Action.INCONCLUSIVE: "retrained; undecided",
}


def render(data: Mapping[str, Any]) -> str:
    """The page of what :func:`core.backtest.report.report_data` gives.

    Parameters
    ----------
    data : mapping
        JSON values.

    Returns
    -------
    str
        HTML, with its style, its script and the data in it.

    Raises
    ------
    ConfigurationError
        Plotly's script is not installed.

    Examples
    --------
    See :func:`core.backtest.report.report_data`.
    """
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"figure": _figure, "day": _day, "points": _points}
    return environment.get_template("report.html").render(
        data=data,
        name=data["metric"]["name"],
        summary=verdict_in_words(data),
        policies=[
            {"key": str(p), "name": POLICY_NAMES[p], "meaning": _MEANINGS[p]}
            for p in Policy
            if str(p) in data["policies"]
        ],
        done={str(action): words for action, words in _DONE.items()},
        style=Markup(_text("report.css")),  # noqa: S704 — our own file  # nosec B704
        script=Markup(_text("report.js")),  # noqa: S704 — our own file  # nosec B704
        plotly=Markup(_plotly()),  # noqa: S704 — the installed package's script  # nosec B704
        json=Markup(_embedded(data)),  # noqa: S704 — nothing in it can end the element  # nosec B704
    )


def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _plotly() -> str:
    found = find_spec("plotly")  # only found, never imported: Python draws nothing here
    if found is None or found.origin is None:
        raise ConfigurationError(
            "Plotly is not installed.", hint="Install the project's requirements."
        )
    script = Path(found.origin).parent / "package_data" / "plotly.min.js"
    return script.read_text(encoding="utf-8")


def _embedded(data: Mapping[str, Any]) -> str:
    """JSON as it may stand in a script element: no text in it can end that element."""
    named = dict(data) | {"names": {str(p): name for p, name in POLICY_NAMES.items()}}
    text = json.dumps(named, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _points(value: float | None) -> str:
    return "–" if value is None else f"{value:+.3g}"


def _day(moment: str) -> str:
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M}"
