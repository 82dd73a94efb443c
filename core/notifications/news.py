"""What happened once: a training, a deployment, a way back, and what waits for a person."""

from __future__ import annotations

from core.explanations.failures import explain_failure
from core.explanations.metrics import metric_name
from core.explanations.people import stored_name
from core.explanations.rows import count, figure, part, text
from core.explanations.validations import explain_validation, validation_label
from core.explanations.words import ENGLISH
from core.notifications.notice import Notice
from core.notifications.telling import (
    NOTHING_TO_DO,
    Told,
    counted,
    gain_of,
    name_of,
    quoted,
    shown_change,
    shown_metric,
    where,
    who_asked,
)

# How it was once compared says nothing about the model that it replaces now.
_OF_A_WAY_BACK = {"Before"}


def tell_training(notice: Notice) -> Told:
    """A training succeeded: what became of its model."""
    state, became, to_do = _became(notice)
    version = _version(notice)
    return Told(
        subject=f"{name_of(notice)}: {version} {state}{_of_several(notice, 'training')}",
        what=f"A training of {quoted(name_of(notice))} made {version}, which {became}",
        why=_judgement(notice),
        to_do=to_do,
        facts=_facts(notice),
    )


def _became(notice: Notice) -> tuple[str, str, str]:
    """What became of a training's model: for the subject, for a sentence, and what to do."""
    data = notice.data
    match text(data, "outcome"):
        case "deployed":
            in_use = f"is in use {where(notice)} now."
            return f"is in use{_better(notice)}", in_use, _way_back(notice)
        case "deployment_failed":
            error = explain_failure(ENGLISH, part(data, "deployment_error"))
            failed = f"passed its tests and could not be deployed. {error}"
            return "was not deployed", failed, "Test the new model again, then deploy it by hand."
        case "approved":
            return "waits for you", "passed its tests and waits for a person.", _decide(notice)
        case "not_validated":
            untested = "was not tested yet"
            return untested, f"{untested}.", "Test it, then deploy it if it is better."
        case _:
            stays = "; the model before it stays" if _replaces_one(notice) else ""
            return "is not used", f"is not used{stays}.", NOTHING_TO_DO


def tell_approval(notice: Notice) -> Told:
    """A model passed its tests and waits for a person."""
    name, version = name_of(notice), _version(notice)
    if notice.resolved or notice.resolved_at is not None:
        return Told(
            subject=f"{name}: nothing waits for you any more",
            what=f"A model of {quoted(name)} was deployed {where(notice)}: no decision is needed.",
            to_do=NOTHING_TO_DO,
        )
    return Told(
        subject=f"{name}: {version} waits for you{_of_several(notice, 'one')}",
        what=f"{version.capitalize()} of {quoted(name)} passed its tests and waits for somebody "
        f"to deploy it {where(notice)}.",
        why=" ".join(filter(None, (_judgement(notice), _why_it_waits(notice)))),
        to_do=_decide(notice),
        facts=_facts(notice),
    )


def tell_deployment(notice: Notice) -> Told:
    """A model was deployed; by somebody, where no training is named."""
    data, name, version = notice.data, name_of(notice), _version(notice)
    if notice.job_id is None:
        who, why = stored_name(ENGLISH, text(data, "deployed_by")), quoted(text(data, "reason"))
        untested = data.get("forced") is True
    else:
        # A job's ``forced`` says that it was to train without a check.
        who, why, untested = "", _judgement(notice), False
    how = (f" by {who}" if who else "") + (" without having passed the tests" if untested else "")
    return Told(
        subject=f"{name}: {version} is in use{_better(notice)}{_of_several(notice, 'deployment')}",
        what=f"{version.capitalize()} of {quoted(name)} was deployed {where(notice)}{how}.",
        why=why,
        to_do=_way_back(notice),
        facts=_facts(notice),
    )


def tell_roll_back(notice: Notice) -> Told:
    """An earlier model is in use again."""
    data, name, version = notice.data, name_of(notice), _version(notice)
    who = stored_name(ENGLISH, text(data, "deployed_by"))
    by = f", by {who}" if who else ""
    return Told(
        subject=f"{name}: back to {version}{_of_several(notice, 'time')}",
        what=f"{quoted(name)} went back to {version} {where(notice)}{by}.",
        why=quoted(text(data, "reason")),
        to_do="Find out what was wrong with the model that it replaces, which is not used again.",
        facts=tuple(fact for fact in _facts(notice) if fact[0] in _OF_A_WAY_BACK),
    )


def _of_several(notice: Notice, thing: str) -> str:
    """The newest of those that waited for the channel says how many they are."""
    return f" ({counted(notice, thing)})" if notice.occurrences > 1 else ""


def _version(notice: Notice) -> str:
    version = count(notice.data, "model_version")
    return "a new model" if version is None else f"version {version}"


def _replaces_one(notice: Notice) -> bool:
    """Whether a model was in use that it was compared with."""
    return count(notice.data, "previous_version") is not None


def _better(notice: Notice) -> str:
    gain = gain_of(notice.data)
    if gain.value is None or gain.value <= 0:
        return ""
    return f", {shown_change(gain)} better"


def _judgement(notice: Notice) -> str:
    """Why its tests ended as they did; nothing where there were none."""
    data = notice.data
    if not text(data, "verdict"):
        return ""
    metric, gain = text(data, "metric"), gain_of(data)
    previous = count(data, "previous_version")
    is_better = gain.value is not None and gain.value > 0
    if text(data, "outcome") == "deployed" and previous is not None and is_better:
        # It has replaced that one: the model in use is itself by now.
        better = shown_change(gain)
        return f"It passed every test and is {better} better than version {previous} before it."
    # Whether it may be deployed by itself decides how an approval is explained.
    alone = text(data, "waits_because") != "below_threshold"
    return explain_validation(ENGLISH, {**data, "auto_deployable": alone}, metric=metric or None)


def _why_it_waits(notice: Notice) -> str:
    """Why it was not deployed by itself, where its judgement does not say it."""
    match text(notice.data, "waits_because"):
        case "deployment_failed":
            return explain_failure(ENGLISH, part(notice.data, "deployment_error"))
        case "auto_deploy_off":
            return "Whoever asked for it wanted a person to decide."
        case _:
            return ""


def _decide(notice: Notice) -> str:
    look = "Compare the two" if _replaces_one(notice) else "Look at its figures"
    return f"{look}, then deploy {_version(notice)}, or leave things as they are."


def _way_back(notice: Notice) -> str:
    previous = count(notice.data, "previous_version")
    if previous is None:
        return NOTHING_TO_DO
    return f"{NOTHING_TO_DO} Should it disappoint, an admin can go back to version {previous}."


def _facts(notice: Notice) -> tuple[tuple[str, str], ...]:
    data, numbers = notice.data, ENGLISH.numbers
    metric, samples = text(data, "metric"), count(data, "samples")
    previous, gain = count(data, "previous_version"), gain_of(data)
    seconds, verdict = figure(data, "duration_seconds"), text(data, "verdict")
    facts = [
        ("Tests", validation_label(ENGLISH, verdict) if verdict else ""),
        (metric_name(ENGLISH, metric), shown_metric(metric, figure(data, "value"))),
        ("Better by" if (gain.value or 0) >= 0 else "Worse by", shown_change(gain)),
        ("Compared on", "" if samples is None else f"{numbers.number(samples)} cases"),
        ("Before", "" if previous is None else f"version {previous}"),
        ("Asked for by", who_asked(data)),
        ("Took", "" if seconds is None else numbers.duration(seconds)),
    ]
    return tuple((label, value) for label, value in facts if value)
