"""The address of a callback, taken apart once: what is asked for stays as it was given."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, urlsplit

from core.errors import InvalidRequest

_DEFAULT_PORTS = {"http": 80, "https": 443}
# Spaces, control characters, and the backslash that some readers take for a slash.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")
# A name, or an address of version 6 with or without its zone.
_HOST = re.compile(r"[0-9a-z._-]+|[0-9a-f.]*:[0-9a-f:.]*(%[0-9a-z._~-]+)?")
_ASCII = "".join(map(chr, range(0x21, 0x7F)))


@dataclass(frozen=True, kw_only=True)
class CallbackUrl:
    """Where a callback goes. Only scheme and host may be shown.

    ``host`` is in lower case, without brackets and without a dot at its end; ``target`` is path
    and query, byte for byte as they were given.
    """

    scheme: str
    host: str
    port: int
    netloc: str  # host and port as they were given: the Host header
    target: str = field(repr=False)

    @property
    def origin(self) -> str:
        """Scheme and host: all that may be shown."""
        return f"{self.scheme}://{self.netloc.lower()}"

    @classmethod
    def parse(cls, text: str) -> CallbackUrl:
        """Take an address apart.

        Raises
        ------
        InvalidRequest
            When it is none, names a user, or is neither http nor https. It is not repeated.
        """
        if _FORBIDDEN.search(text):
            raise InvalidRequest("It has a space, a backslash or a control character.")
        try:
            parts = urlsplit(text)
            port, host = parts.port, parts.hostname
        except ValueError as exc:
            raise InvalidRequest("It is no web address.") from exc
        if parts.scheme not in _DEFAULT_PORTS or not host:
            raise InvalidRequest("It must be an http or https address.")
        if "@" in parts.netloc:
            raise InvalidRequest(
                "It names a user.", hint="Put what the receiver is to check into the query."
            )
        if port == 0:
            raise InvalidRequest("It has no port to connect to.")
        return cls(
            scheme=parts.scheme,
            host=normal_host(host),
            port=port or _DEFAULT_PORTS[parts.scheme],
            netloc=_ascii_netloc(parts, host),
            target=_target(text, parts),
        )


def normal_host(host: str) -> str:
    """A host as hosts are compared: ASCII, in lower case, without brackets or the last dot.

    Raises
    ------
    InvalidRequest
        When it can be no host.

    Examples
    --------
    >>> normal_host("N8N.Example.org."), normal_host("[::1]"), normal_host("bücher.example")
    ('n8n.example.org', '::1', 'xn--bcher-kva.example')
    """
    bare = host.strip("[]").lower()
    # The empty label at the end would not be encoded; a full stop may be an ideographic one.
    bare = bare.rstrip(".\u3002\uff0e\uff61")
    try:
        # The resolver would encode it, too, and fail for the same reasons.
        name = bare.encode("idna").decode("ascii")
    except UnicodeError as exc:
        raise InvalidRequest("Its host is no name.") from exc
    if not name:
        raise InvalidRequest("It has no host.")
    if not _HOST.fullmatch(name):
        raise InvalidRequest("Its host is no name.")
    return name


def _ascii_netloc(parts: SplitResult, host: str) -> str:
    if parts.netloc.isascii():
        return parts.netloc
    port = f":{parts.port}" if parts.port is not None else ""
    return f"{normal_host(host)}{port}"


def _target(text: str, parts: SplitResult) -> str:
    """What follows the host, without the fragment; letters beyond ASCII as UTF-8."""
    start = text.index("//") + 2 + len(parts.netloc)
    target = text[start:].partition("#")[0]
    if not target.startswith("/"):
        target = f"/{target}"
    try:
        return quote(target, safe=_ASCII)
    except UnicodeEncodeError:
        # Not as its cause: that would repeat the address.
        raise InvalidRequest("It has half a character.") from None
