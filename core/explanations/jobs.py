"""Training jobs: what happened, and why."""

from __future__ import annotations

from core.explanations.cases import quoted
from core.explanations.failures import explain_failure, how_to_mend
from core.explanations.people import actor_name
from core.explanations.rows import Row, count, figure, moment, part, text
from core.explanations.schedules import cron_in_words
from core.explanations.skips import explain_skip
from core.explanations.validations import explain_validation
from core.explanations.words import Words

# After so many lost workers a job fails.
_ATTEMPTS = 3


def job_label(words: Words, status: str | None) -> str:
    """A job's or an operation's status in a word.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> job_label(ENGLISH, "skipped")
    'Skipped'
    """
    _ = words.gettext
    labels = {
        "queued": _("Waiting"),
        "running": _("Running"),
        "succeeded": _("Done"),
        "failed": _("Failed"),
        "cancelled": _("Cancelled"),
        "skipped": _("Skipped"),
    }
    return labels.get(status or "") or status or _("Unknown")


def stage_label(words: Words, stage: str | None) -> str:
    """What a running job is at; an ended one's status.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> stage_label(ENGLISH, "validate")
    'Testing the new model'
    """
    _ = words.gettext
    labels = {
        "check": _("Checking the model in use"),
        "load": _("Reading the data"),
        "data_quality": _("Checking the data"),
        "train": _("Training"),
        "validate": _("Testing the new model"),
        "final_fit": _("Training once more on all cases"),
        "deploy": _("Deploying the new model"),
    }
    return labels.get(stage or "") or job_label(words, stage)


def explain_trigger(words: Words, trigger: str | None, reason: str | None = None) -> str:
    """What started a job; empty where somebody did who gave no reason.

    Parameters
    ----------
    words : Words
    trigger : str or None
    reason : str, optional
        What somebody wrote who asked for it.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> explain_trigger(ENGLISH, "schedule")
    'A schedule started it.'
    >>> explain_trigger(ENGLISH, "manual", "The prices changed"), explain_trigger(ENGLISH, "manual")
    ('“The prices changed”', '')
    """
    _ = words.gettext
    if trigger == "manual":
        return quoted(words, reason.strip()) if reason and reason.strip() else ""
    sentences = {
        "schedule": _("A schedule started it."),
        "degradation": _("It was started because the model in use got worse."),
        "artifact": _("It was started because the model in use no longer predicts what it did."),
        "n8n": _("An n8n workflow started it."),
    }
    if trigger and trigger not in sentences:
        return _("It was started by “{trigger}”.").format(trigger=trigger)
    return sentences.get(trigger or "") or _("It is not known what started it.")


def asked_by(words: Words, job: Row) -> str:
    """Who or what asked for a job: a person, a key, a schedule, Refit itself.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> asked_by(ENGLISH, {"trigger": "manual",
    ...                    "requested_by": {"kind": "key", "name": "n8n"}})
    'the key “n8n”'
    >>> asked_by(ENGLISH, {"trigger": "schedule", "reason": "Schedule 0 */4 * * *"})
    'a schedule (every 4 hours)'
    """
    _ = words.gettext
    trigger, reason = text(job, "trigger"), text(job, "reason")
    if trigger == "schedule":
        cron = reason.removeprefix("Schedule ")
        if cron != reason and len(cron.split()) == 5:
            # The job does not keep the schedule's time zone: only what needs none is said.
            every = cron_in_words(words, cron, None)
            if "(" not in every:
                return _("a schedule ({every})").format(every=every)
        return _("a schedule")
    return actor_name(words, part(job, "requested_by"))


def explain_job(words: Words, job: Row, *, cancelled_by: Row | None = None) -> str:
    """What became of a job, and why.

    Parameters
    ----------
    words : Words
    job : mapping
        A row of ``history``, or a ``job`` with its ``validation``.
    cancelled_by : mapping, optional
        The actor who cancelled it, where the caller has looked it up in the audit log.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> explain_job(ENGLISH, {"status": "queued", "queued_at": "2026-11-24T08:15:00+00:00"})
    'It has been waiting for a free worker since 24 Nov 2026 08:15 UTC.'
    """
    _ = words.gettext
    explain = {
        "queued": _waiting,
        "running": _running,
        "succeeded": _succeeded,
        "failed": _failed,
        "skipped": explain_skip,
    }.get(text(job, "status"))
    if explain is not None:
        return explain(words, job)
    if text(job, "status") != "cancelled":
        return job_label(words, text(job, "status"))
    if cancelled_by is None:
        return _("It was cancelled before it finished.")
    return _("It was cancelled by {who}.").format(who=actor_name(words, cancelled_by))


def _since(words: Words, job: Row, name: str) -> str:
    since = moment(job, name)
    return "" if since is None else words.numbers.datetime(since)


def _waiting(words: Words, job: Row) -> str:
    _ = words.gettext
    since = _since(words, job, "queued_at")
    waits = (
        _("It has been waiting for a free worker since {since}.").format(since=since)
        if since
        else _("It is waiting for a free worker.")
    )
    error = part(job, "error")
    if not error:
        return waits
    again = _("It will be tried again, because the last attempt failed. {why}")
    return f"{again.format(why=explain_failure(words, error))} {waits}"


def _running(words: Words, job: Row) -> str:
    _ = words.gettext
    stage, since = stage_label(words, text(job, "stage")), _since(words, job, "started_at")
    sentences = [
        _("{stage}. Running since {since}.").format(stage=stage, since=since)
        if since
        else _("{stage}.").format(stage=stage)
    ]
    attempt = count(job, "attempt") or 1
    if attempt > 1:
        sentences.append(
            _("This is attempt {attempt} of {attempts}.").format(
                attempt=words.numbers.number(attempt), attempts=words.numbers.number(_ATTEMPTS)
            )
        )
    if job.get("cancel_requested_at"):
        sentences.append(_("It was asked to stop."))
    return " ".join(sentences)


def _succeeded(words: Words, job: Row) -> str:
    _ = words.gettext
    result = part(job, "result")
    version = count(result, "model_version")
    if version is None:
        return _("A new model was trained.")
    number = words.numbers.number(version)
    if not text(result, "verdict"):
        return _("Version {version} was trained. It has not been tested yet.").format(
            version=number
        )
    metric = text(part(job, "check_result"), "metric") or None
    judged = explain_validation(words, part(job, "validation") or result, metric=metric)
    trained = _("Version {version} was trained.").format(version=number)
    return " ".join(one for one in (trained, judged, what_became(words, result)) if one)


def what_became(words: Words, result: Row) -> str:
    """Whether the new model is in use now; empty where the judgement says it already.

    Parameters
    ----------
    words : Words
    result : mapping
        A job's ``result``.
    """
    _ = words.gettext
    if result.get("deployed") is True:
        return _("So it was deployed.")
    if error := part(result, "deployment_error"):
        why = explain_failure(words, error)
        return _("It could not be deployed. {why}").format(why=why)
    if text(result, "verdict") != "approved":
        return _("The model in use stays.") if figure(result, "improvement") is not None else ""
    # Where it is not surely better, the judgement says already that a person decides.
    return _("It is waiting for somebody to deploy it.") if result.get("auto_deployable") else ""


def _failed(words: Words, job: Row) -> str:
    error = part(job, "error")
    return f"{explain_failure(words, error)} {how_to_mend(words, error)}"
