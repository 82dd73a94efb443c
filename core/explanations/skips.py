"""Why a training job ended without a training."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from core.explanations.cases import more_new_cases
from core.explanations.checks import explain_check
from core.explanations.rows import Row, part, text, whole_numbers
from core.explanations.words import Words

_LIMITS = ("cool_down:", "monthly_retraining_budget:")
_MORE_ROWS = re.compile(r": (?P<rows>[0-9,]+) more are needed")
_TIME = r"(\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}) UTC"


def explain_skip(words: Words, job: Row) -> str:
    """Why a skipped job did not train.

    Parameters
    ----------
    words : Words
    job : mapping
        A job's row, with ``skip_reason`` and ``check_result``.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> explain_skip(ENGLISH, {"skip_reason": "cool_down: the last training began at 2026-11-24 "
    ...     "08:00:00 UTC; the next may begin at 2026-11-24 09:00:00 UTC."})
    'Postponed: the last training began at 24 Nov 2026 08:00 UTC; the next may begin at \
24 Nov 2026 09:00 UTC. Refit waits 1 hour between two trainings of a model; the setting is \
“Least time between two trainings”.'
    """
    _ = words.gettext
    reason = text(job, "skip_reason")
    if reason.startswith("cool_down:"):
        return _pause(words, reason)
    if reason.startswith("monthly_retraining_budget:"):
        return _budget(words, reason)
    rows = whole_numbers(reason, _MORE_ROWS.pattern).get("rows")
    if rows is not None:
        return _(
            "Postponed: the model in use got worse, but the last training saw nearly the same "
            "cases. After {cases}, another training can find something new."
        ).format(cases=more_new_cases(words, rows))
    check = part(job, "check_result")
    if text(check, "verdict"):
        found = explain_check(words, check)
        return _("No training was needed. {found}").format(found=found)
    return _("No training was needed.")


def is_postponed(job: Row) -> bool:
    """Whether a limit, not a healthy model, kept a job from training.

    Examples
    --------
    >>> is_postponed({"skip_reason": "cool_down: …"}), is_postponed({"skip_reason": "Healthy."})
    (True, False)
    """
    reason = text(job, "skip_reason")
    return reason.startswith(_LIMITS) or _MORE_ROWS.search(reason) is not None


def _times(reason: str) -> list[datetime]:
    found = []
    for written in re.findall(_TIME, reason, re.ASCII):
        try:
            found.append(datetime.fromisoformat(written).replace(tzinfo=UTC))
        except ValueError:
            continue
    return found


def _pause(words: Words, reason: str) -> str:
    _ = words.gettext
    times = _times(reason)
    if len(times) != 2:
        return _("Postponed: the last training was too recent.")
    last, following = times
    sentence = _("Postponed: the last training began at {last}; the next may begin at {next}.")
    told = sentence.format(
        last=words.numbers.datetime(last), next=words.numbers.datetime(following)
    )
    if following <= last:
        return told
    pause = _("Refit waits {pause} between two trainings of a model; the setting is “{setting}”.")
    return " ".join(
        [
            told,
            pause.format(
                pause=_hours(words, (following - last).total_seconds()),
                setting=_("Least time between two trainings"),
            ),
        ]
    )


def _hours(words: Words, seconds: float) -> str:
    """In hours, as the setting is, where they are whole ones."""
    hours, rest = divmod(seconds, 3600)
    if rest:
        return words.numbers.duration(seconds)
    message = words.ngettext("{count} hour", "{count} hours", int(hours))
    return message.format(count=words.numbers.number(hours))


def _budget(words: Words, reason: str) -> str:
    _ = words.gettext
    figures = whole_numbers(reason, r"(?P<begun>[0-9]+) of (?P<budget>[0-9]+) trainings")
    times = _times(reason)
    if len(figures) != 2 or len(times) != 1:
        return _("Postponed: this month's trainings are used up.")
    return _(
        "Postponed: {begun} of the {budget} trainings of this month are used up; the next may "
        "begin at {next}."
    ).format(
        begun=words.numbers.number(figures["begun"]),
        budget=words.numbers.number(figures["budget"]),
        next=words.numbers.datetime(times[0]),
    )
