"""Notices of every kind, channels, and certificates of this machine."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.notifications.channels import Channel, channels_from
from core.notifications.message import Message
from core.notifications.messages import compose
from core.settings import Settings
from tests.notifications.notices import notice

MakeSettings = Callable[..., Settings]


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> MakeSettings:
    """Settings with these variables, and none of the machine's."""
    monkeypatch.chdir(tmp_path)
    names = ("SLACK_WEBHOOK_URL", "EMAIL_SMTP_CONFIG", "REFIT_NOTIFY_URLS", "DASHBOARD_URL")

    def make(**variables: str) -> Settings:
        for name in names:
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return Settings()

    return make


@pytest.fixture
def channel(settings: MakeSettings) -> Callable[..., Channel]:
    """The one channel of a variable: ``channel(SLACK_WEBHOOK_URL="…")``."""

    def make(**variables: str) -> Channel:
        (found,) = channels_from(settings(**variables))
        return found

    return make


@pytest.fixture
def message() -> Message:
    return compose(notice("degradation"), "http://refit.example.org")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of this machine, which signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names: list[Any] = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("certificate") / "machine.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def tls_of_server(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def tls_of_sender(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))
