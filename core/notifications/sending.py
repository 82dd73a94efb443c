"""Telling one channel one thing, within a time."""

from __future__ import annotations

import traceback

import structlog

from core.errors import InvalidRequest
from core.notifications.channels import Channel, Kind
from core.notifications.message import Message
from core.notifications.not_delivered import NotDelivered

__all__ = ["TIME_LIMIT_S", "NotDelivered", "send"]

# Of everything together, from the name to the end of the answer.
TIME_LIMIT_S = 20.0

_log = structlog.get_logger(__name__)


def send(channel: Channel, message: Message, *, time_limit_s: float = TIME_LIMIT_S) -> str | None:
    """Send a message; a channel that hangs holds up its caller for the time limit at most.

    Returns
    -------
    str or None
        What is not right though the message has arrived, such as a reader that was refused.

    Raises
    ------
    NotDelivered
        Whatever went wrong; its reason holds nothing of the channel's address.
    """
    try:
        return _send(channel, message, time_limit_s)
    except NotDelivered:
        raise
    except InvalidRequest as exc:
        raise NotDelivered(f"Its address cannot be used: {exc.message}.", transient=False) from None
    except Exception as exc:  # noqa: BLE001 — one channel's trouble is no other's
        # Of the trace only where it was: what it says may hold the address.
        where = "".join(traceback.format_tb(exc.__traceback__))
        _log.error("notification_broke", error=type(exc).__name__, traceback=where)
        raise NotDelivered(
            "Refit met an error of its own; the log says where.", transient=True
        ) from None


def _send(channel: Channel, message: Message, time_limit_s: float) -> str | None:
    # Each has libraries that a worker without such a channel need not load.
    url = channel.url.get_secret_value()
    if channel.kind is Kind.SLACK:
        from core.notifications.slack import send_slack

        send_slack(url, message, time_limit_s=time_limit_s)
        return None
    if channel.kind is Kind.EMAIL:
        from core.notifications.mail_address import MailAddress
        from core.notifications.smtp import send_mail

        return send_mail(MailAddress.parse(url), message, time_limit_s=time_limit_s)
    from core.notifications.others import send_other

    send_other(url, message, time_limit_s=time_limit_s)
    return None
