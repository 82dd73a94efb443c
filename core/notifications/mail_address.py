"""EMAIL_SMTP_CONFIG taken apart: which server, as whom, from whom to whom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import getaddresses
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pydantic import SecretStr

from core.errors import InvalidRequest

_PORTS = {"smtp": 587, "smtps": 465}
_WRITTEN = "in a password / is written %2F, ? %3F, # %23 and @ %40"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, kw_only=True)
class MailAddress:
    """A mail server and those who write and read.

    ``encrypted``: from the first byte on; otherwise as soon as the server offers it.
    """

    host: str
    port: int
    encrypted: bool
    user: str | None
    password: SecretStr | None
    sender: Address
    recipients: tuple[Address, ...]

    @property
    def is_local(self) -> bool:
        """Whether nobody can listen on the way."""
        return self.host in _LOOPBACK

    @classmethod
    def parse(cls, text: str) -> MailAddress:
        """Read ``smtps://user:password@host:465/?from=…&to=…``.

        Raises
        ------
        InvalidRequest
            It says which part is wrong, and repeats nothing of it.

        Examples
        --------
        >>> mail = MailAddress.parse("smtp://mail.example.org/?from=a@x.org&to=b@x.org,c@x.org")
        >>> mail.port, len(mail.recipients), mail.encrypted
        (587, 2, False)
        """
        parts, port = _split(text)
        fields = _fields(parts.query)
        user = unquote(parts.username) if parts.username else None
        password = unquote(parts.password) if parts.password else None
        if password is not None and user is None:
            raise InvalidRequest("it has a password and no user")
        senders = _addresses(fields.get("from") or _sender_of(user), "from")
        if len(senders) != 1:
            raise InvalidRequest("from names several addresses; one sends")
        return cls(
            host=parts.hostname or "",
            port=port or _PORTS[parts.scheme],
            encrypted=parts.scheme == "smtps",
            user=user,
            password=SecretStr(password) if password is not None else None,
            sender=senders[0],
            recipients=_addresses(fields.get("to", []), "to"),
        )


def _split(text: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise InvalidRequest(f"host or port is none; {_WRITTEN}") from None
    if parts.scheme not in _PORTS:
        raise InvalidRequest("it begins with smtps:// or smtp://")
    if not parts.hostname:
        raise InvalidRequest("it names no host")
    if parts.path not in {"", "/"}:
        raise InvalidRequest(f"a path follows the host; {_WRITTEN}")
    return parts, port


def _fields(query: str) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    # A plus in an address is a plus: only %20 is a space here.
    for key, value in parse_qsl(query.replace("+", "%2B"), keep_blank_values=True):
        if key not in {"from", "to"}:
            raise InvalidRequest("after ? may stand from and to")
        fields.setdefault(key, []).append(value)
    return fields


def _sender_of(user: str | None) -> list[str]:
    if user is None or "@" not in user:
        raise InvalidRequest("from is missing; the user is no e-mail address")
    return [user]


def _addresses(texts: Iterable[str], part: str) -> tuple[Address, ...]:
    given = list(texts)
    found = getaddresses(given)
    whole = all(text.isprintable() for text in given) and all(address for _, address in found)
    if not found or not whole:
        raise InvalidRequest(f"{part} is no e-mail address; write {part}=name@example.org")
    return tuple(_address(name, address, part) for name, address in found)


def _address(name: str, text: str, part: str) -> Address:
    try:
        address = Address(display_name=name, addr_spec=text)
    except (HeaderParseError, ValueError, IndexError):
        raise InvalidRequest(f"{part} holds what is no e-mail address") from None
    if not address.username or not address.domain or not text.isascii():
        raise InvalidRequest(f"{part} holds what is no e-mail address")
    return address
