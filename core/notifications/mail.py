"""Messages as mail: one that has both text and HTML."""

from __future__ import annotations

from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from core.notifications.events import Event, Severity
from core.notifications.mail_address import MailAddress
from core.notifications.message import Message
from core.notifications.text import as_text

# On white, and on a dark card; each with a contrast of 4.5 and more.
_COLOURS = {
    Severity.INFO: ("#1f5fbf", "#8ab4f8"),
    Severity.WARNING: ("#a15c00", "#f2b45c"),
    Severity.CRITICAL: ("#c0292b", "#ff8f8b"),
}
_LABELS = {
    Severity.INFO: "For your information",
    Severity.WARNING: "Please look at this",
    Severity.CRITICAL: "This needs you now",
}
_RESOLVED = ("#1b7a3d", "#7bd49a")


def compose_mail(address: MailAddress, message: Message) -> EmailMessage:
    """The mail, ready to be sent.

    Header lines cannot be smuggled in: the subject is one line, and the library refuses others.
    """
    mail = EmailMessage()
    mail["From"] = address.sender
    mail["To"] = address.recipients
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(datetime.now(UTC))
    _add_identity(mail, address.sender, message)
    # Nobody's holiday reply comes back (RFC 3834).
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(as_text(message), cte="quoted-printable")
    mail.add_alternative(as_html(message), subtype="html", cte="quoted-printable")
    return mail


def _add_identity(mail: EmailMessage, sender: Address, message: Message) -> None:
    """Sent twice, it is one mail; about the same thing, one conversation."""
    if not message.id:
        mail["Message-ID"] = make_msgid(domain=sender.domain)
        return
    mail["Message-ID"] = f"<{message.id}@{sender.domain}>"
    if message.thread:
        mail["References"] = f"<{message.thread}@{sender.domain}>"


def as_html(message: Message) -> str:
    """The HTML part: every style inline, nothing from elsewhere, every text escaped."""
    colours, label = _COLOURS[message.severity], _LABELS[message.severity]
    if message.resolved:
        colours, label = _RESOLVED, "Resolved"
    elif message.event is Event.DIGEST:
        label = "Your weekly summary"
    colour, dark_colour = colours
    return _template().render(message=message, colour=colour, dark_colour=dark_colour, label=label)


@cache
def _template() -> Template:
    templates = Environment(
        loader=PackageLoader("core.notifications"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template("mail.html.jinja")
