"""How long a training was at what."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Any

from core.domain import JobStatus
from core.explanations.jobs import stage_label
from core.explanations.words import Words

Json = dict[str, Any]

WIDTH = 1000  # of the bars, in units of their drawing
_NARROWEST = 6


def make_stages(words: Words, job: Json) -> list[Json]:
    """The stages of a job in their order, as lines of a drawing.

    Parameters
    ----------
    words : Words
    job : dict
        As ``get_job_details`` gives it.

    Returns
    -------
    list of dict
        ``label``, ``began_at``, ``seconds``, whether it is the one that ``lasts`` still, the
        ``attempt`` it belongs to, and where its bar begins (``x``) and how wide it is (``width``).
        The end of a job is no stage. Empty for a job that never began one.
    """
    marks = _marks(job)
    spans = [
        (stage, attempt, began, ended) for (stage, attempt, began), (_, _, ended) in pairwise(marks)
    ]
    lasts = job["status"] == JobStatus.RUNNING
    total = sum(_seconds(began, ended) for *_, began, ended in spans) or 1.0
    lines, before = [], 0.0
    for position, (stage, attempt, began, ended) in enumerate(spans):
        seconds = _seconds(began, ended)
        width = max(_NARROWEST, round(WIDTH * seconds / total))
        lines.append(
            {
                "label": stage_label(words, stage),
                "began_at": began,
                "seconds": seconds,
                "lasts": lasts and position == len(spans) - 1,
                "attempt": attempt,
                "x": min(round(WIDTH * before / total), WIDTH - width),
                "width": width,
            }
        )
        before += seconds
    return lines


def _marks(job: Json) -> list[tuple[str, int, datetime]]:
    """When each stage began, and at last when it was over, or what the time is now."""
    marks = [
        (one["stage"], one["attempt"], datetime.fromisoformat(one["began_at"]))
        for one in job["stages"]
    ]
    if marks and not JobStatus(job["status"]).is_final:
        marks.append(("", 0, datetime.fromisoformat(job["now"])))
    return marks


def _seconds(began: datetime, ended: datetime) -> float:
    return max((ended - began).total_seconds(), 0.0)
