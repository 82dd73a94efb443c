"""Callbacks that wait in a database, receivers, and certificates."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from psycopg.rows import dict_row

from core.database import PostgresDatabase
from core.store import Store
from core.webhooks.deliveries import ClaimedDelivery
from core.webhooks.signing import make_secret
from tests.database.factories import ADMIN, Scene
from tests.webhooks.receiver import Receiver, receiving

NAME = "receiver.example.org"


@pytest.fixture
def secret() -> str:
    return make_secret()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Takes everything."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def scene(database_url: str) -> Iterator[Scene]:
    database = PostgresDatabase(database_url, max_connections=8)
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as owner:
        yield Scene(database=database, owner=owner, store=Store(database, actor=ADMIN))
    database.close()


@pytest.fixture
def delivery() -> Callable[..., ClaimedDelivery]:
    """A callback that is held, to an address."""

    def make(url: str, *, attempt: int = 1) -> ClaimedDelivery:
        return ClaimedDelivery(
            id=uuid4(),
            lease_token=uuid4(),
            url=url,
            origin="http://shown.example.org",
            event="training.completed",
            payload={"job_id": str(uuid4()), "request_id": "request-1", "reason": "Grüße 😀"},
            attempt=attempt,
            created_at=datetime.now(UTC),
        )

    return make


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of ``receiver.example.org``, which signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "receiver.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def tls_of_receiver(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def tls_of_sender(certificate: Path) -> ssl.SSLContext:
    """Trusts the receiver's certificate, for its name."""
    return ssl.create_default_context(cafile=str(certificate))
