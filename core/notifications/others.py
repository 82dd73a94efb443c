"""Every other channel, through Apprise; the one module that imports it, where it is used."""

from __future__ import annotations

import logging
import re
from functools import cache
from typing import TYPE_CHECKING

from core.notifications.events import Severity
from core.notifications.message import Message
from core.notifications.not_delivered import NotDelivered, within
from core.notifications.text import as_text

if TYPE_CHECKING:
    from apprise import AppriseAsset, AppriseResult, NotifyBase

_STATUS = re.compile(r"\berror=([1-5][0-9]{2})\b")
_TRANSIENT = {408, 425, 429}


def is_known(url: str) -> bool:
    """Whether Apprise can make a channel of an address; nothing is sent."""
    return _service(url) is not None


def send_other(url: str, message: Message, *, time_limit_s: float) -> None:
    """Send title and text.

    Raises
    ------
    NotDelivered
    """
    result = within(time_limit_s, lambda: _notify(url, message), abandon=lambda: None)
    if result:
        return
    status = _status(result)
    if status is None:
        raise NotDelivered("It did not take the message.", transient=True)
    transient = status in _TRANSIENT or status >= 500
    raise NotDelivered(f"It answered {status}.", transient=transient)


def _notify(url: str, message: Message) -> AppriseResult:
    from apprise import Apprise, NotifyFormat, NotifyType

    service = _service(url)
    if service is None:
        raise NotDelivered("Apprise knows no such channel.", transient=False)
    kind = {
        Severity.INFO: NotifyType.INFO,
        Severity.WARNING: NotifyType.WARNING,
        Severity.CRITICAL: NotifyType.FAILURE,
    }[message.severity]
    return Apprise(service).notify(
        title=message.subject,
        body=as_text(message),
        notify_type=NotifyType.SUCCESS if message.resolved else kind,
        # Not Markdown: an underscore in a name would be emphasis.
        body_format=NotifyFormat.TEXT,
    )


def _service(url: str) -> NotifyBase | None:
    from apprise import Apprise

    return Apprise.instantiate(url, asset=_asset(), suppress_exceptions=True)


@cache
def _asset() -> AppriseAsset:
    """How Apprise shows and behaves itself here; asked for before anything else of it."""
    from apprise import AppriseAsset

    # Its own words hold addresses, and we say ourselves what came of a message.
    log = logging.getLogger("apprise")
    log.addHandler(logging.NullHandler())
    log.propagate = False
    # What it sends by: a line with the path of each request is for nobody.
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    return AppriseAsset(
        app_id="Refit",
        app_desc="Refit",
        app_url="",
        image_url_mask="",
        async_mode=False,
        # Followed, a POST becomes a GET: whatever that answers, the message did not arrive.
        http_redirects=False,
        storage_mode="memory",
        service_timeout=0,
        allow_templates=False,
    )


def _status(result: AppriseResult) -> int | None:
    """What the server answered, where the plugin tells; nothing else of its words is safe."""
    for service in result.results:
        for entry in service.logs():
            if found := _STATUS.search(entry.message):
                return int(found[1])
    return None
