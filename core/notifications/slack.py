"""Messages as Slack's blocks, posted to a webhook."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx

from core import __version__
from core.database.bounded_http import bounded_client
from core.notifications.events import Severity
from core.notifications.message import Message, Table, one_line
from core.notifications.not_delivered import NotDelivered, within

# https://docs.slack.dev/reference/block-kit/blocks
_MOST_HEADER = 150
_MOST_TEXT = 3000
_MOST_FIELD = 2000
_MOST_FIELDS = 10
_MOST_BLOCKS = 50
_MOST_URL = 3000

_MARKS = {Severity.INFO: "🔵", Severity.WARNING: "🟠", Severity.CRITICAL: "🔴"}
_RESOLVED = "🟢"
_TRANSIENT = {408, 425, 429}
_MOST_ANSWER_BYTES = 4096
# What Slack says of a refusal; what else a server says is not repeated.
_REFUSALS = {
    "action_prohibited": "the workspace does not allow it",
    "channel_is_archived": "the channel is archived",
    "channel_not_found": "the channel is gone",
    "invalid_blocks": "it does not take these blocks",
    "invalid_blocks_format": "it does not take these blocks",
    "invalid_payload": "it does not take this message",
    "invalid_token": "the address is not valid any more",  # nosec B105
    "no_active_hooks": "the webhook is switched off",
    "no_service": "the webhook is gone or switched off",
    "no_service_id": "the address is not whole",
    "no_team": "the workspace is gone",
    "no_text": "it does not take this message",
    "posting_to_general_channel_denied": "this channel takes no messages of webhooks",
    "team_disabled": "the workspace is switched off",
}


def slack_payload(message: Message) -> dict[str, Any]:
    """What is posted: blocks, and a text for where none are shown.

    Phones and screen readers take the text, and receivers that know no blocks, such as Mattermost.
    """
    lines = [escape(line) for line in (message.subject, *message.sentences)]
    if message.link:
        lines.append(escape(message.link))
    return {
        "text": _cut("\n".join(lines), _MOST_TEXT),
        "blocks": list(_blocks(message))[:_MOST_BLOCKS],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def escape(text: str) -> str:
    """Slack's markup has three characters that must be escaped; what looks like it otherwise stays.

    >>> escape("<!channel> & co")
    '&lt;!channel&gt; &amp; co'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _blocks(message: Message) -> Iterator[dict[str, Any]]:
    mark = _RESOLVED if message.resolved else _MARKS[message.severity]
    title = _cut(escape(f"{mark} {message.subject}"), _MOST_HEADER)
    yield {"type": "header", "text": {"type": "plain_text", "text": title, "emoji": True}}
    for sentence, bold in ((message.what, ""), (message.why, "Why"), (message.to_do, "What to do")):
        if sentence:
            yield _section(f"*{bold}:* {escape(sentence)}" if bold else escape(sentence))
    if message.facts:
        yield _fields(message)
    if message.table is not None:
        yield _section(_table_text(message.table))
    if message.link and len(message.link) <= _MOST_URL:
        yield {"type": "actions", "elements": [_button(message)]}
    if message.context:
        context = _marked_up(escape(message.context), _MOST_FIELD)
        yield {"type": "context", "elements": [context]}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _marked_up(text, _MOST_TEXT)}


def _marked_up(text: str, most: int) -> dict[str, Any]:
    """Verbatim: a name such as @here calls nobody."""
    return {"type": "mrkdwn", "text": _cut(text, most), "verbatim": True}


def _fields(message: Message) -> dict[str, Any]:
    fields = [
        _marked_up(f"*{escape(label)}*\n{escape(value)}", _MOST_FIELD)
        for label, value in message.facts[:_MOST_FIELDS]
    ]
    return {"type": "section", "fields": fields}


def _button(message: Message) -> dict[str, Any]:
    text = one_line(message.link_label, 75)
    return {
        "type": "button",
        "text": {"type": "plain_text", "text": text, "emoji": False},
        "url": message.link,
    }


def _table_text(table: Table) -> str:
    """Rows as a list: columns of a table would break on a phone."""
    lines = []
    for name, *cells in table.rows:
        named = zip(table.columns[1:], cells, strict=True)
        told = ", ".join(f"{column.lower()}: {cell}" for column, cell in named if cell)
        lines.append(f"• *{escape(name)}* — {escape(told)}")
    return "\n".join(_whole_lines(lines))


def _whole_lines(lines: list[str]) -> Iterator[str]:
    """As many lines as fit, and how many do not."""
    left = _MOST_TEXT - 40
    for number, line in enumerate(lines):
        left -= len(line) + 1
        if left < 0:
            yield f"… and {len(lines) - number} more"
            return
        yield line


def _cut(text: str, most: int) -> str:
    """The escaped text within a limit; no character is cut in the middle of its escape."""
    if len(text) <= most:
        return text
    return re.sub(r"&[a-z]{0,3}$", "", text[: most - 1]) + "…"


def send_slack(url: str, message: Message, *, time_limit_s: float) -> None:
    """Post a message to a webhook.

    Raises
    ------
    NotDelivered
    """
    # The limit of everything is to be the one that ends it.
    client = bounded_client(connect_s=2 * time_limit_s, answer_s=2 * time_limit_s)
    payload = slack_payload(message)
    try:
        status, answer = within(
            time_limit_s, lambda: _post(client, url, payload), abandon=client.close
        )
    finally:
        client.close()
    if 200 <= status <= 299:
        return
    said = f": {_REFUSALS[answer]}" if answer in _REFUSALS else ""
    transient = status in _TRANSIENT or status >= 500
    raise NotDelivered(f"It answered {status}{said}.", transient=transient)


def _post(client: httpx.Client, url: str, payload: dict[str, Any]) -> tuple[int, str]:
    headers = {"User-Agent": f"refit/{__version__}"}
    try:
        with client.stream("POST", url, json=payload, headers=headers) as response:
            answer = b""
            for chunk in response.iter_bytes(_MOST_ANSWER_BYTES):
                answer += chunk
                if len(answer) >= _MOST_ANSWER_BYTES:
                    break
            return response.status_code, answer.decode("utf-8", "replace").strip()
    except httpx.TimeoutException:
        raise NotDelivered("It did not answer in time.", transient=True) from None
    except httpx.ConnectError:
        raise NotDelivered(_unreachable(url), transient=True) from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError):
        raise NotDelivered("The connection broke.", transient=True) from None


def _unreachable(url: str) -> str:
    secure = urlsplit(url).scheme == "https"
    return f"It cannot be reached{', or its certificate is not valid' if secure else ''}."
