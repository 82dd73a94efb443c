"""Stores to test with: a folder, and a bucket of a real S3 server on 127.0.0.1."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer
from threadpoolctl import threadpool_limits

from core.artifacts import ArtifactStore

ACCESS_KEY = "AKIATESTACCESSKEY"
SECRET_KEY = "a-secret-that-no-message-may-show"


@dataclass(frozen=True, kw_only=True)
class S3Server:
    endpoint_url: str
    bucket: str


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Teams of threads wait for each other where the machine is busy; these models are tiny."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def s3_endpoint_url() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.fixture
def s3_server(s3_endpoint_url: str, aws_credentials: None) -> S3Server:
    bucket = "refit-models"
    request = urllib.request.Request(f"{s3_endpoint_url}/{bucket}", method="PUT")
    urllib.request.urlopen(request).close()
    return S3Server(endpoint_url=s3_endpoint_url, bucket=bucket)


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    """A new, empty store of each kind."""
    if request.param == "folder":
        return ArtifactStore.open((tmp_path / "a folder #1").as_uri())
    server: S3Server = request.getfixturevalue("s3_server")
    return ArtifactStore.open(
        f"s3://{server.bucket}/{tmp_path.name}/models", endpoint_url=server.endpoint_url
    )
