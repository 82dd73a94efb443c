"""From a notice to a message: what happened, why, and what to do, with a link to where it shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import quote

from core.explanations.people import environment_label
from core.explanations.words import ENGLISH
from core.notifications.digests import tell_digest
from core.notifications.events import Event, Severity
from core.notifications.message import Message
from core.notifications.news import tell_approval, tell_deployment, tell_roll_back, tell_training
from core.notifications.notice import Notice
from core.notifications.telling import Told
from core.notifications.troubles import tell_trouble

_TELL: Mapping[Event, Callable[[Notice], Told]] = {
    Event.TRAINING_SUCCEEDED: tell_training,
    Event.APPROVAL_NEEDED: tell_approval,
    Event.DEPLOYED: tell_deployment,
    Event.ROLLED_BACK: tell_roll_back,
    Event.DIGEST: tell_digest,
}


def compose(notice: Notice, dashboard_url: str | None) -> Message:
    """Say a notice in English.

    Parameters
    ----------
    notice : Notice
        Figures that its data lacks leave their sentence or fact out.
    dashboard_url : str or None
        Without it there is no link.
    """
    told = _TELL.get(notice.event, tell_trouble)(notice)
    is_over = notice.resolved or notice.resolved_at is not None
    link, label = _link(notice, dashboard_url)
    return Message(
        subject=told.subject,
        what=told.what,
        why=told.why,
        to_do=told.to_do,
        context=_context(notice),
        event=notice.event,
        severity=Severity.INFO if is_over else notice.severity,
        resolved=is_over,
        facts=told.facts,
        link=link,
        link_label=label,
        table=told.table,
        id=str(notice.id),
        thread=str(notice.notification_id),
    )


def example_message(dashboard_url: str | None, now: datetime) -> Message:
    """What `refit notify test` sends."""
    link = None if dashboard_url is None else f"{dashboard_url.rstrip('/')}/en/ml-training"
    return Message(
        subject="Refit: a test message",
        what="This is a test: messages of Refit arrive here.",
        why="Somebody ran `refit notify test`.",
        to_do="There is nothing to do.",
        context=f"Refit · {ENGLISH.numbers.datetime(now)}",
        event=Event.TRAINING_SUCCEEDED,
        severity=Severity.INFO,
        resolved=False,
        link=link,
        link_label="Open the dashboard",
    )


def _context(notice: Notice) -> str:
    """Where and when; the name that commands know it by, too."""
    environment = notice.environment and notice.environment.value
    return " · ".join(
        (
            notice.model_type or "Refit",
            environment_label(ENGLISH, environment),
            ENGLISH.numbers.datetime(notice.resolved_at or notice.created_at),
        )
    )


def _link(notice: Notice, dashboard_url: str | None) -> tuple[str | None, str]:
    """The page that shows the most: the job's, else the model type's, else the first."""
    if dashboard_url is None:
        return None, ""
    base = f"{dashboard_url.rstrip('/')}/en/ml-training"
    if notice.job_id is not None:
        return f"{base}/jobs/{notice.job_id}", "Open job"
    if notice.model_type is not None:
        return f"{base}/model-types/{quote(notice.model_type, safe='')}", "Open the model"
    return base, "Open the dashboard"
