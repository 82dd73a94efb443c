"""Where a callback may go, and how its address is read."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from core.errors import ConfigurationError, Forbidden, InvalidRequest
from core.settings import Settings
from core.webhooks.addresses import AddressPolicy, check_webhook_url, is_public
from core.webhooks.urls import CallbackUrl
from tests.webhooks.receiver import Names

NOBODY = AddressPolicy(allowed_hosts=frozenset(), loopback=False)

# Blocks that are not the public internet, whatever ipaddress of this Python thinks of them.
CLOSED = [
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
    *("172.16.0.0/12", "192.0.0.0/29", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16"),
    *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    *("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64"),
    *("2001::/32", "2001:10::/28", "2001:20::/28", "2001:db8::/32", "2002::/16", "3fff::/20"),
    *("168.63.129.16/32", "192.0.0.0/24"),  # where clouds tell their machines secrets
    *("5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.215.14", "2606:4700::1111", "2a00:1450:4001::1"]


def settings(**changes: object) -> Settings:
    return Settings.model_construct(
        webhook_allowed_hosts="", n8n_webhook_url=None, environment="production"
    ).model_copy(update=changes)


@pytest.mark.parametrize("network", CLOSED)
def test_no_address_of_a_closed_block_is_public(network: str) -> None:
    block = ipaddress.ip_network(network)
    for address in (
        block[0],
        block[min(1, block.num_addresses - 1)],
        block[block.num_addresses // 2],
        block[-1],
    ):
        assert not is_public(address), address


@given(st.sampled_from(CLOSED).flatmap(lambda block: st.ip_addresses(network=block)))
def test_nor_is_any_other_of_such_a_block(address: ipaddress.IPv4Address) -> None:
    assert not is_public(address)


@given(st.ip_addresses(v=4))
def test_an_address_inside_an_address_of_version_6_is_never_public(
    address: ipaddress.IPv4Address,
) -> None:
    number = int(address)
    inside = (0xFFFF << 32, 0x64FF9B << 96, 0)
    for prefix in inside:
        assert not is_public(ipaddress.IPv6Address(prefix | number))
    assert not is_public(ipaddress.IPv6Address(0x2002 << 112 | number << 80))


@pytest.mark.parametrize("address", PUBLIC)
def test_the_public_internet_may_be_called(address: str) -> None:
    url = NOBODY.check("https://receiver.example.org/called")

    assert NOBODY.vet(url, Names([address])) == [address]


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "10.1.2.3", "169.254.169.254", "0.0.0.0"),  # noqa: S104 — refused
        *("100.64.0.1", "[::1]", "[::]"),
        *("[fe80::1]", "[fe80::1%25eth0]", "[::ffff:8.8.8.8]", "[64:ff9b::8.8.8.8]"),
        *("[2002:0808:0808::1]", "localhost", "LOCALHOST.", "n8n.localhost"),
        # Other ways to write 127.0.0.1, which the system's resolver reads.
        *(
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "127.0.0.1.",
            "\uff11\uff12\uff17.0.0.1",
            "127\u30020\u30020\u30021\u3002",
            "localhost\uff61",
        ),
    ],
)
def test_what_is_seen_to_be_closed_is_refused_without_asking_for_names(host: str) -> None:
    with pytest.raises(InvalidRequest, match="Its address is not public.*ALLOWED_HOSTS"):
        NOBODY.check(f"http://{host}:5678/webhook")


def test_one_closed_address_among_others_refuses_the_name() -> None:
    url = NOBODY.check("https://receiver.example.org/called")

    for found in (["10.0.0.7"], ["8.8.8.8", "::1"], ["fe80::1%lo", "8.8.8.8"]):
        with pytest.raises(Forbidden, match="receiver.example.org leads to an address") as refused:
            NOBODY.vet(url, Names(found))
        # It would tell whoever asks about names inside the network.
        assert found[0] not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://example.org/a", "must be an http or https"),
        ("https:///path", "must be an http or https"),
        ("https://./path", "has no host"),
        ("example.org/a", "must be an http or https"),
        ("https://user:word@example.org/a", "names a user"),
        ("https://user@example.org/a", "names a user"),
        ("https://example.org:0/a", "no port"),
        ("https://example.org:99999/a", "no web address"),
        ("https://example.org:x/a", "no web address"),
        ("https://[::1/a", "no web address"),
        ("https://example.org\\@127.0.0.1/a", "backslash"),
        ("https://example.org/a b", "space"),
        ("https://example.org/a\r\nX-Injected: 1", "control character"),
        (f"https://{'a' * 64}.example.org/", "no name"),
        ("https://a..example.org/", "no name"),
        ("https://127%2e0%2e0%2e1/a", "no name"),
        ("https://8.8.8.8%2510/a", "no name"),
        ("https://example\u00a0.org/a", "no name"),
        ("https://example.org%00.example.net/a", "no name"),
        ("https://example.org/a\ud800", "half a character"),
    ],
)
def test_what_is_no_address_is_refused_and_not_repeated(url: str, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message) as refused:
        NOBODY.check(f"{url}?token=7c9f1e" if "/a" in url else url)
    assert "7c9f1e" not in str(refused.value)
    assert refused.value.__cause__ is None or "7c9f1e" not in str(refused.value.__cause__)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("https://example.org", "/"),
        ("https://example.org?a=1", "/?a=1"),
        ("https://example.org/?", "/?"),
        ("https://example.org//a/../b/./", "//a/../b/./"),
        ("https://example.org/a?sig=%2b%2B+%20&&x==;'\"<>^`{|}~", None),
        ("https://example.org/a?next=https://other.example.org/?b=1&c", None),
        ("https://example.org/a?b#never-sent", "/a?b"),
        ("https://example.org/ü?ü=%C3%BC", "/%C3%BC?%C3%BC=%C3%BC"),
    ],
)
def test_path_and_query_stay_byte_for_byte(text: str, target: str | None) -> None:
    url = CallbackUrl.parse(text)

    assert url.target == (target or text.removeprefix("https://example.org"))
    assert url.origin == "https://example.org"
    assert "target" not in repr(url)


def test_hosts_are_compared_as_hosts() -> None:
    policy = AddressPolicy.from_settings(
        settings(
            webhook_allowed_hosts="N8N.internal, [::1] ,bücher.example.",
            n8n_webhook_url=SecretStr("https://Flows.Internal:5678/webhook/x?token=7c9f1e"),
        )
    )

    for url in (
        "http://n8n.INTERNAL.:5678/",
        "http://[::1]:5678/",
        "http://xn--bcher-kva.example/",
        "http://bücher.example/",
        "https://flows.internal/",
    ):
        assert policy.vet(policy.check(url), Names(["10.0.0.7"])) == ["10.0.0.7"]
    for url in ("http://a.n8n.internal/", "http://n8n.internal.example.org/"):
        with pytest.raises(Forbidden):
            policy.vet(policy.check(url), Names(["10.0.0.7"]))


def test_this_machine_may_be_called_in_development_and_nothing_else_is() -> None:
    policy = AddressPolicy.from_settings(settings(environment="development"))

    url = policy.check("http://localhost:5678/webhook")
    assert policy.vet(url, Names(["127.0.0.1", "::1"])) == ["127.0.0.1", "::1"]
    with pytest.raises(InvalidRequest):
        policy.check("http://10.0.0.7/")
    with pytest.raises(Forbidden):
        policy.vet(url, Names(["127.0.0.1", "10.0.0.7"]))


@pytest.mark.parametrize(
    "changes",
    [
        {"webhook_allowed_hosts": "a..b"},
        {"n8n_webhook_url": SecretStr("n8n.internal/webhook?token=7c9f1e")},
        {"n8n_webhook_url": SecretStr("https://a..b/webhook?token=7c9f1e")},
    ],
)
def test_a_variable_that_names_no_host_is_named(changes: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(changes)).upper()) as refused:
        AddressPolicy.from_settings(settings(**changes))
    assert "7c9f1e" not in str(refused.value)


def test_a_request_is_told_the_field() -> None:
    with pytest.raises(InvalidRequest, match="^webhook_url: Its address is not") as refused:
        check_webhook_url(settings(), "http://169.254.169.254/latest/meta-data?token=7c9f1e")

    assert [error["field"] for error in refused.value.errors] == ["webhook_url"]
    assert "7c9f1e" not in f"{refused.value} {refused.value.errors}"
