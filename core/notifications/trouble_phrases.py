"""The words for what stands until it is over, by event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from core.explanations.alerts import explain_alert, what_to_do
from core.explanations.checks import explain_check
from core.explanations.failures import explain_failure, how_to_mend
from core.explanations.rows import figure, moment, text
from core.explanations.words import ENGLISH
from core.notifications.events import Event
from core.notifications.notice import Notice


@dataclass(frozen=True, kw_only=True)
class Phrases:
    """How a trouble is told; ``{name}`` is the model type, ``{where}`` the environment."""

    began: str  # these three follow the name in a subject
    still: str
    over: str
    what: str  # these two are sentences
    what_over: str
    thing: str  # what is counted
    explain: Callable[[Notice], str]
    advise: Callable[[Notice], str]


def phrases_of(notice: Notice) -> Phrases:
    """The words for a notice of what stands."""
    if text(notice.data, "kind") == "artifact_mismatch":
        return _MISMATCH
    if notice.event is Event.DEPLOYMENT_FAILED and not text(notice.data, "kind"):
        return _REFUSED
    if notice.event is Event.DEGRADATION and notice.data.get("replaced") is True:
        # How the other one predicts is not known yet.
        return replace(
            _BY_EVENT[Event.DEGRADATION],
            over="another model is in use",
            what_over="The model of {name} that predicted worse {where} was replaced by another.",
        )
    return _BY_EVENT[notice.event]


def _explain_check(notice: Notice) -> str:
    return explain_check(ENGLISH, {**notice.data, "verdict": "degraded"})


def _explain_alert(notice: Notice) -> str:
    data = notice.data
    return explain_alert(ENGLISH, {**data, "details": data, "status": "open", "occurrences": 1})


def _advise_alert(notice: Notice) -> str:
    return what_to_do(ENGLISH, text(notice.data, "kind"))


def _error(notice: Notice) -> dict[str, str]:
    return {"type": text(notice.data, "type"), "detail": text(notice.data, "message")}


def _explain_missed(notice: Notice) -> str:
    late = figure(notice.data, "late_seconds")
    due = moment(notice.data, "due_at")
    if late is None or due is None:
        return "No scheduler was running when it was due."
    return (
        f"It was due on {ENGLISH.numbers.datetime(due)} and started "
        f"{ENGLISH.numbers.duration(late)} late, because no scheduler was running."
    )


def _advise_missed(_notice: Notice) -> str:
    return what_to_do(ENGLISH, "schedule_missed")


def _explain_failure(notice: Notice) -> str:
    return explain_failure(ENGLISH, _error(notice))


def _advise_failure(notice: Notice) -> str:
    return how_to_mend(ENGLISH, _error(notice))


_MISMATCH = Phrases(
    began="the stored model does not work as it did",
    still="the stored model still does not work as it did",
    over="another model is in use",
    what="The model of {name} that is in use {where} is no longer what was stored.",
    what_over="{name} has another model in use {where}, which works as it should.",
    thing="time",
    explain=_explain_alert,
    advise=_advise_alert,
)
# A deployment that somebody asked for; one that a training could not make is an alert.
_REFUSED = Phrases(
    began="a model was not deployed",
    still="a model can still not be deployed",
    over="a new model is in use",
    what="A model of {name} was to be deployed {where}, and was not.",
    what_over="A model of {name} was deployed {where}.",
    thing="time",
    explain=_explain_failure,
    advise=_advise_failure,
)
_BY_EVENT = {
    Event.DEGRADATION: Phrases(
        began="predictions got worse",
        still="predictions are still worse",
        over="predictions are fine again",
        what="The model of {name} {where} predicts clearly worse than it should.",
        what_over="The model of {name} {where} predicts as well as it should again.",
        thing="check",
        explain=_explain_check,
        advise=_advise_alert,
    ),
    Event.DATA_QUALITY: Phrases(
        began="the data has a problem",
        still="the data still has a problem",
        over="the data is fine again",
        what="No new model of {name} was trained {where}, because its data has a problem.",
        what_over="A model of {name} was trained {where} from its data again.",
        thing="time",
        explain=_explain_alert,
        advise=_advise_alert,
    ),
    Event.TRAINING_FAILED: Phrases(
        began="training failed",
        still="training still fails",
        over="training works again",
        what="The training of a new model of {name} {where} failed; what is in use stays as it is.",
        what_over="A training of {name} {where} has succeeded again.",
        thing="time",
        explain=_explain_alert,
        advise=_advise_alert,
    ),
    Event.DEPLOYMENT_FAILED: Phrases(
        began="a new model was not deployed",
        still="new models are still not deployed",
        over="a new model is in use",
        what="A new model of {name} was trained and could not be deployed {where}.",
        what_over="A model of {name} was deployed {where}.",
        thing="time",
        explain=_explain_alert,
        advise=_advise_alert,
    ),
    Event.SCHEDULE_MISSED: Phrases(
        began="a schedule was missed",
        still="schedules are still missed",
        over="schedules run on time again",
        what="A schedule of {name} {where} did not start on time; it was made up for since.",
        what_over="Schedules of {name} {where} start on time again.",
        thing="time",
        explain=_explain_missed,
        advise=_advise_missed,
    ),
}
