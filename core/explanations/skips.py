"""Why a training job ended without a training."""

from __future__ import annotations

from core.explanations.cases import more_new_cases
from core.explanations.causes import explain_causes
from core.explanations.checks import explain_check
from core.explanations.rows import Row, count, moment, part, text
from core.explanations.words import Words

# As in core.domain.words.SkipKind.
NOT_NEEDED = "not_needed"
COOL_DOWN = "cool_down"
BUDGET = "monthly_retraining_budget"
TOO_FEW_NEW_ROWS = "too_few_new_rows"
_LIMITS = {COOL_DOWN, BUDGET}


def explain_skip(words: Words, job: Row) -> str:
    """Why a skipped job did not train.

    Parameters
    ----------
    words : Words
    job : mapping
        A job's row, with ``skip_figures`` and ``check_result``; where it was ended before figures
        were kept, its ``skip_reason`` is told as it was written.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> explain_skip(ENGLISH, {"skip_figures": {
    ...     "kind": "cool_down", "begun_at": "2026-11-24T08:00:00Z",
    ...     "until": "2026-11-24T09:00:00Z"}})
    'Postponed: the last training began at 24 Nov 2026 08:00 UTC; the next may begin at \
24 Nov 2026 09:00 UTC. Refit waits 1 hour between two trainings of a model; the setting is \
“Least time between two trainings”.'
    """
    figures = part(job, "skip_figures")
    explain = {
        COOL_DOWN: _pause,
        BUDGET: _budget,
        TOO_FEW_NEW_ROWS: _nearly_the_same_cases,
    }.get(text(figures, "kind"))
    if explain is not None:
        return explain(words, figures, part(job, "check_result"))
    reason = text(job, "skip_reason")
    if reason and not _is_not_needed(job):
        return reason
    return _not_needed(words, part(job, "check_result"))


def is_postponed(job: Row) -> bool:
    """Whether a limit or a want of new cases, not a healthy model, kept a job from training.

    Examples
    --------
    >>> [is_postponed({"skip_figures": {"kind": kind}}) for kind in ("cool_down", "not_needed")]
    [True, False]
    """
    return not _is_not_needed(job)


def is_limited(job: Row) -> bool:
    """Whether the model type's cool-down or budget forbade the training.

    Examples
    --------
    >>> is_limited({"skip_figures": {"kind": "cool_down"}}), is_limited({"skip_figures": None})
    (True, False)
    """
    return text(part(job, "skip_figures"), "kind") in _LIMITS


def _is_not_needed(job: Row) -> bool:
    kind = text(part(job, "skip_figures"), "kind")
    if kind:
        return kind == NOT_NEEDED
    # Before figures were kept: then, and only then, the reason was the check's own.
    reason = text(job, "skip_reason")
    return not reason or reason == text(part(job, "check_result"), "reason")


def _not_needed(words: Words, check: Row) -> str:
    _ = words.gettext
    if text(check, "verdict"):
        return _("No training was needed. {found}").format(found=explain_check(words, check))
    return _("No training was needed.")


def _nearly_the_same_cases(words: Words, figures: Row, check: Row) -> str:
    _ = words.gettext
    why, rows = explain_causes(words, check), count(figures, "rows_needed")
    told = (
        _("Postponed: {why}. But the last training saw nearly the same cases.").format(why=why)
        if why
        else _("Postponed: the last training saw nearly the same cases.")
    )
    if rows is None:
        return told
    after = _("After {cases}, another training can find something new.")
    return f"{told} {after.format(cases=more_new_cases(words, rows))}"


def _pause(words: Words, figures: Row, _check: Row) -> str:
    _ = words.gettext
    last, following = moment(figures, "begun_at"), moment(figures, "until")
    if last is None or following is None:
        return _("Postponed: the last training was too recent.")
    told = _("Postponed: the last training began at {last}; the next may begin at {next}.").format(
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


def _budget(words: Words, figures: Row, _check: Row) -> str:
    _ = words.gettext
    begun, budget = count(figures, "begun"), count(figures, "budget")
    following = moment(figures, "until")
    if begun is None or budget is None or following is None:
        return _("Postponed: this month's trainings are used up.")
    return _(
        "Postponed: {begun} of the {budget} trainings of this month are used up; the next may "
        "begin at {next}."
    ).format(
        begun=words.numbers.number(begun),
        budget=words.numbers.number(budget),
        next=words.numbers.datetime(following),
    )
