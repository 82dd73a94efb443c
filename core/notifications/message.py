"""What a channel is told, before it is written in the channel's own way."""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.notifications.events import Event, Severity

# Slack's shortest limit, and what mail programs show at most.
MOST_SUBJECT_CHARACTERS = 150

_BREAKING = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows for a digest; all cells are texts."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message, as plain texts; whoever writes it escapes them.

    Attributes
    ----------
    subject : str
        One line of at most 150 characters, whatever it is made from.
    what, why, to_do : str
        What happened, why, and what to do: a sentence each; empty: there is nothing to say.
    context : str
        Where and when.
    facts : tuple of (label, value)
    link, link_label : str or None, str
        The page that shows more; None where the dashboard's address is not known.
    resolved : bool
        Whether it says that something is over.
    table : Table or None
        The digest's.
    id, thread : str
        Of this message, and of all that are about the same thing: mail programs show them as one
        conversation.
    """

    subject: str
    what: str
    why: str
    to_do: str
    context: str
    event: Event
    severity: Severity
    resolved: bool
    facts: tuple[tuple[str, str], ...] = ()
    link: str | None = None
    link_label: str = ""
    table: Table | None = None
    id: str = ""
    thread: str = ""

    def __post_init__(self) -> None:
        # A name with a line break in it would otherwise write mail headers.
        object.__setattr__(self, "subject", one_line(self.subject, MOST_SUBJECT_CHARACTERS))

    @property
    def is_good_news(self) -> bool:
        """Whether nobody has to worry."""
        return self.resolved or self.severity is Severity.INFO

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is there of what, why and what to do."""
        return tuple(filter(None, (self.what, self.why, self.to_do)))


def one_line(text: str, most: int) -> str:
    r"""The text without line breaks and control characters, cut off with an ellipsis.

    >>> one_line("two\r\nlines", 20), one_line("much too long", 6)
    ('two lines', 'much…')
    """
    flat = _BREAKING.sub(" ", text).strip()
    return flat if len(flat) <= most else f"{flat[: most - 1].rstrip()}…"
