"""Errors in plain words: what went wrong, and what to do about it."""

from __future__ import annotations

from core.explanations.missing_columns import explain_missing_columns
from core.explanations.quality import explain_data_problem
from core.explanations.rows import Row, text
from core.explanations.words import Words

# What the stored message holds → which of the cases below it is.
_TRAINING = {
    "took longer than": "time_limit",
    "limit is": "memory",
    "did not start": "crash",
    "ended without a result": "crash",
    "was ended by": "crash",
}
_DATA = {
    "may not read": "access",
    "may not act as": "access",
    "hides rows": "access",
    "There is no table or view": "table_gone",
    "has no column": "column_gone",
    "needs the column": "column_gone",
    "The database stopped the query": "slow_query",
    "nothing to judge it by": "no_labels",
}


def explain_failure(words: Words, error: Row) -> str:
    """What went wrong, in one sentence.

    Parameters
    ----------
    words : Words
    error : mapping
        ``{type, status, detail}``, as stored with a job or an operation.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> explain_failure(ENGLISH, {"type": "worker_lost", "detail": "Three workers were lost."})
    'The program that does the training was interrupted three times.'
    >>> explain_failure(ENGLISH, {"type": "data", "detail": "public.posts has no column 'price'."})
    'The column “price” that the model needs is gone from the data.'
    """
    detail = text(error, "detail")
    if text(error, "type") == "data" and (findings := explain_data_problem(words, detail)):
        return findings
    case = _case(error)
    if case == "column_gone" and (named := explain_missing_columns(words, detail)):
        return named
    sentence = _sentences(words).get(case)
    if sentence:
        return sentence
    if not detail:
        return words.gettext("Something went wrong, and left no message.")
    return words.gettext("Something went wrong. The message was: {message}").format(message=detail)


def how_to_mend(words: Words, error: Row) -> str:
    """What to do about a failure.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> how_to_mend(ENGLISH, {"type": "training_failed", "detail": "It took longer than 60 s."})
    'Train on fewer cases, or ask whoever runs Refit for a higher time limit.'
    """
    if text(error, "type") == "data" and explain_data_problem(words, text(error, "detail")):
        return words.gettext("Ask whoever looks after the data to fix it; then try again.")
    advice = _advice(words)
    return advice.get(_case(error)) or words.gettext(
        "Try again. If it fails again, show the message to whoever runs Refit."
    )


def _case(error: Row) -> str:
    kind, detail = text(error, "type"), text(error, "detail")
    marks = {"training_failed": _TRAINING, "data": _DATA}.get(kind, {})
    return next((case for mark, case in marks.items() if mark in detail), kind)


def _sentences(words: Words) -> dict[str, str]:
    _ = words.gettext
    return {
        "time_limit": _("The training took longer than allowed and was stopped."),
        "memory": _("The training needed more memory than allowed."),
        "crash": _("The training stopped unexpectedly."),
        "access": _("Refit is not allowed to read the data."),
        "table_gone": _("The table with the data is gone."),
        "column_gone": _("A column that the model needs is gone from the data."),
        "slow_query": _("Reading the data took too long."),
        "no_labels": _("There are no new cases with a known outcome to test the model with."),
        "artifact": _("The stored model is damaged or missing, or it predicts something else now."),
        "artifact_store_unavailable": _("The place where models are kept could not be reached."),
        "database_unavailable": _("The database could not be reached."),
        "queue_unavailable": _("The queue could not be reached."),
        "worker_lost": _("The program that does the training was interrupted three times."),
        "configuration": _("A setting of Refit is missing or wrong."),
        "stale_validation": _(
            "Another model was deployed after the new one was tested, so the test no longer counts."
        ),
        "not_approved": _("The model has not passed its tests."),
        "quarantined": _("The model was rolled back before and may not be used again."),
        "cancelled": _("Somebody stopped it."),
    }


def _advice(words: Words) -> dict[str, str]:
    _ = words.gettext
    later = _("This usually passes by itself: try again in a few minutes.")
    data = _("Ask whoever looks after the data to fix it; then try again.")
    again = _("Train a new model.")
    return {
        "time_limit": _("Train on fewer cases, or ask whoever runs Refit for a higher time limit."),
        "memory": _("Train on fewer cases, or ask whoever runs Refit for more memory."),
        "access": _("Ask whoever looks after the database to let Refit read it."),
        "table_gone": data,
        "column_gone": data,
        "slow_query": _("Train on fewer cases, or try again at a quieter time."),
        "no_labels": _("Wait until the outcome of new cases is known, or train a new model."),
        "artifact": again,
        "quarantined": again,
        "artifact_store_unavailable": later,
        "database_unavailable": later,
        "queue_unavailable": later,
        "worker_lost": _("Ask whoever runs Refit to look at its worker; then try again."),
        "configuration": _("Ask whoever runs Refit to look at its settings."),
        "stale_validation": _("Test the new model again."),
        "not_approved": _("Test the model first, or let an admin deploy it anyway."),
        "cancelled": _("Start it again when you want to."),
    }
