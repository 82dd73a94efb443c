"""Where notifications go: the channels that the settings name, and what each wants to hear."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from pydantic import SecretStr

from core.errors import ConfigurationError, InvalidRequest
from core.notifications.events import Event, Severity
from core.notifications.mail_address import MailAddress
from core.notifications.preferences import Preferences, split_preferences
from core.notifications.quiet_hours import QuietHours
from core.settings import Settings

SLACK, EMAIL, OTHER = "SLACK_WEBHOOK_URL", "EMAIL_SMTP_CONFIG", "REFIT_NOTIFY_URLS"

_RANK = {severity: rank for rank, severity in enumerate(Severity)}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9.-]{0,29})://\S")
_HINT = "See docs/notifications.md, or ask: refit notify test."
_NEWS = frozenset(Event) - {Event.DIGEST}


class Kind(StrEnum):
    """How a channel is spoken to."""

    SLACK = "slack"  # blocks to a webhook
    EMAIL = "email"  # text and HTML by SMTP
    OTHER = "other"  # title and text, by Apprise


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One place that people read.

    ``url`` is what is spoken to, without the wishes; ``quiet`` None: at any time.
    """

    name: str
    kind: Kind
    url: SecretStr
    events: frozenset[Event]
    least_severity: Severity
    quiet: QuietHours | None

    def hears(self, event: Event, severity: Severity) -> bool:
        """Whether it is told; a digest is neither good news nor bad: it is wanted or not."""
        if event not in self.events:
            return False
        return event is Event.DIGEST or _RANK[severity] >= _RANK[self.least_severity]


@dataclass(frozen=True, kw_only=True)
class _Written:
    """A channel as it was written; ``wanted`` and ``least`` are what its kind hears by itself."""

    variable: str
    kind: Kind
    url: str
    stem: str
    wishes: Preferences
    wanted: frozenset[Event]
    least: Severity


def channels_from(settings: Settings) -> tuple[Channel, ...]:
    """The channels of the settings, in the order Slack, e-mail, others.

    Raises
    ------
    ConfigurationError
        A variable makes no sense; it and the part are named, nothing of the address is shown.
    """
    channels: list[Channel] = []
    written = [*_slack(settings), *_email(settings), *_others(settings)]
    # Names that were given come first: a made-up one gives way.
    taken = Counter(one.wishes.name for one in written if one.wishes.name)
    for one in written:
        name = one.wishes.name or _free_name(one.stem, taken)
        if taken[name] > 1:
            raise ConfigurationError(f"{one.variable}: two channels are named {name}.", hint=_HINT)
        channels.append(_channel(one, name))
    return tuple(channels)


def _channel(one: _Written, name: str) -> Channel:
    wishes = one.wishes
    # Who names events means all of them, the good news too.
    least = one.least if wishes.events is None else Severity.INFO
    return Channel(
        name=name,
        kind=one.kind,
        url=SecretStr(one.url),
        events=one.wanted if wishes.events is None else wishes.events,
        least_severity=wishes.severity or least,
        quiet=wishes.quiet,
    )


def _free_name(stem: str, taken: Counter[str]) -> str:
    name, number = stem, 1
    while taken[name]:
        number += 1
        name = f"{stem}-{number}"
    taken[name] += 1
    return name


def _slack(settings: Settings) -> Iterator[_Written]:
    if settings.slack_webhook_url is None:
        return
    url, wishes = _split(settings.slack_webhook_url.get_secret_value(), SLACK)
    _refuse_no_http(url)
    yield _Written(
        variable=SLACK,
        kind=Kind.SLACK,
        url=url,
        stem="slack",
        wishes=wishes,
        wanted=_NEWS,
        least=Severity.INFO,
    )


def _email(settings: Settings) -> Iterator[_Written]:
    if settings.email_smtp_config is None:
        return
    url, wishes = _split(settings.email_smtp_config.get_secret_value(), EMAIL)
    try:
        MailAddress.parse(url)
    except InvalidRequest as exc:
        raise ConfigurationError(f"{EMAIL}: {exc.message}.", hint=_HINT) from None
    yield _Written(
        variable=EMAIL,
        kind=Kind.EMAIL,
        url=url,
        stem="email",
        wishes=wishes,
        wanted=frozenset(Event),
        least=Severity.WARNING,
    )


def _others(settings: Settings) -> Iterator[_Written]:
    if settings.notify_urls is None:
        return
    texts = settings.notify_urls.get_secret_value().split()
    for number, text in enumerate(texts, start=1):
        variable = f"{OTHER}, address {number}"
        url, wishes = _split(text, variable)
        scheme = _SCHEME.match(url)
        if scheme is None:
            raise ConfigurationError(f"{variable}: it has no scheme such as tgram://.", hint=_HINT)
        yield _Written(
            variable=variable,
            kind=Kind.OTHER,
            url=url,
            stem=scheme[1].lower(),
            wishes=wishes,
            wanted=_NEWS,
            least=Severity.WARNING,
        )


def _split(text: str, variable: str) -> tuple[str, Preferences]:
    try:
        return split_preferences(text.strip())
    except InvalidRequest as exc:
        raise ConfigurationError(f"{variable}: {exc.message}.", hint=_HINT) from None


def _refuse_no_http(url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
        _ = parts.port  # raises when it is none
    except ValueError:
        usable = False
    if not usable or not url.isascii() or any(character.isspace() for character in url):
        raise ConfigurationError(f"{SLACK}: it is no https:// address.", hint=_HINT)
