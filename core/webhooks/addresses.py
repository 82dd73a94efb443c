"""Which addresses a callback may go to: those of the public internet, and what is allowed."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from core.errors import ConfigurationError, Forbidden, InvalidRequest, RefitError
from core.settings import Settings
from core.webhooks.urls import CallbackUrl, normal_host

Address = IPv4Address | IPv6Address
# Given host and port, every address that the name leads to.
Resolver = Callable[[str, int], Sequence[str]]

_SEEMS_GLOBAL = tuple(
    ipaddress.ip_network(network)
    for network in (
        "168.63.129.16/32",  # of Azure's hosts, as seen by their machines alone
        "192.0.0.0/24",  # special purposes; Oracle's machines find their metadata there
        "192.88.99.0/24",  # relays of 6to4
        "2001::/23",  # Teredo, ORCHID and other special purposes
        "2002::/16",  # 6to4: an IPv4 address inside
        "3fff::/20",  # documentation
    )
)
# The only block of IPv6 that is given out. Outside it lie local and mapped addresses, and those
# that a NAT64 translates: 64:ff9b::/96.
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")

_MEND = "Use a public address, or name its host in REFIT_WEBHOOK_ALLOWED_HOSTS."


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet, by itself and by what it stands for.

    >>> is_public(ipaddress.ip_address("9.9.9.9")), is_public(ipaddress.ip_address("10.0.0.1"))
    (True, False)
    """
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return not any(address in network for network in _SEEMS_GLOBAL)


@dataclass(frozen=True, kw_only=True)
class AddressPolicy:
    """Who may be called.

    ``allowed_hosts`` may be anywhere; ``loopback`` allows the addresses of this machine.
    """

    allowed_hosts: frozenset[str]
    loopback: bool

    @classmethod
    def from_settings(cls, settings: Settings) -> AddressPolicy:
        """What the operator allowed.

        Raises
        ------
        ConfigurationError
            When a variable names no host; its value is not shown.
        """
        named = settings.webhook_allowed_hosts.split(",")
        hosts = {_configured_host(name) for name in named if name.strip()}
        if settings.n8n_webhook_url:
            try:
                hosts.add(CallbackUrl.parse(settings.n8n_webhook_url.get_secret_value()).host)
            except InvalidRequest as exc:
                raise ConfigurationError(f"N8N_WEBHOOK_URL: {exc.message}") from None
        return cls(allowed_hosts=frozenset(hosts), loopback=settings.environment == "development")

    def check(self, text: str) -> CallbackUrl:
        """Take an address apart and refuse what can be seen to be wrong, without asking DNS.

        Raises
        ------
        InvalidRequest
        """
        url = CallbackUrl.parse(text)
        literal = _literal(url.host)
        if literal is not None and not self._allows(url, literal):
            raise InvalidRequest("Its address is not public.", hint=_MEND)
        return url

    def vet(self, url: CallbackUrl, resolve: Resolver) -> list[str]:
        """The addresses of a host, all of which may be called; the name is resolved this once.

        Raises
        ------
        Forbidden
            One of them may not be called.
        OSError
            The name cannot be resolved.
        """
        found = list(dict.fromkeys(resolve(url.host, url.port)))
        if not all(self._allows(url, ipaddress.ip_address(address)) for address in found):
            # Which one it was would tell the asker about names inside our network.
            raise Forbidden(f"{url.host} leads to an address that is not public.", hint=_MEND)
        return found

    def _allows(self, url: CallbackUrl, address: Address) -> bool:
        if url.host in self.allowed_hosts or is_public(address):
            return True
        return self.loopback and address.is_loopback


def check_webhook_url(settings: Settings, text: str) -> None:
    """Refuse, when it arrives, an address that a callback would not go to.

    Raises
    ------
    InvalidRequest
        It names the field.
    """
    try:
        AddressPolicy.from_settings(settings).check(text)
    except InvalidRequest as exc:
        raise InvalidRequest(
            f"webhook_url: {exc.message}",
            hint=exc.hint,
            errors=[{"field": "webhook_url", "detail": str(exc)}],
        ) from None


def resolve(host: str, port: int) -> list[str]:
    """Every address that a name leads to, by the system's resolver.

    Raises
    ------
    OSError
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def _configured_host(name: str) -> str:
    try:
        return normal_host(name.strip())
    except RefitError as exc:
        raise ConfigurationError(
            f"REFIT_WEBHOOK_ALLOWED_HOSTS names {name.strip()!r}, which is no host."
        ) from exc


def _literal(host: str) -> Address | None:
    """The address that a host is written as, in any form that the resolver reads as one."""
    if host == "localhost" or host.endswith(".localhost"):
        return IPv4Address("127.0.0.1")  # RFC 6761: never anything else
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))  # 127.1, 0x7f000001, 2130706433
    except OSError:
        return None
