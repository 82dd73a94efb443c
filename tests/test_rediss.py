"""A queue behind TLS: rediss:// with an authority of one's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

from core.queue import Doorbell
from tests.triggers.tls_proxy import Authority, tls_before
from tests.worker.lab import open_lab

ROOT = Path(__file__).resolve().parents[1]
# In a process of its own: its log is what a person reads.
RING = """
import sys
from core.log import configure_logging
from core.queue import Doorbell
configure_logging("INFO")
print(Doorbell(sys.argv[1]).ring("retrain", "0f2ad7fc-6b39-4dbb-a2c9-b5d9a1c8f001"))
"""


@dataclass(frozen=True, kw_only=True)
class Secured:
    """The address of a queue with TLS, and the authorities that one may trust."""

    url: str
    right: Authority
    wrong: Authority

    def trusting(self, authority: Authority) -> str:
        return f"{self.url}?{urlencode({'ssl_ca_certs': authority.certificate})}"


@pytest.fixture
def secured(redis_url: str, tmp_path: Path) -> Iterator[Secured]:
    right, wrong = Authority(tmp_path, "right"), Authority(tmp_path, "wrong")
    with tls_before(redis_url, right.certify_loopback()) as url:
        yield Secured(url=url, right=right, wrong=wrong)


def test_a_bell_is_rung_over_tls(secured: Secured, redis_url: str) -> None:
    doorbell, plain = Doorbell(secured.trusting(secured.right)), Doorbell(redis_url)

    assert doorbell.ring("retrain", "0f2ad7fc-6b39-4dbb-a2c9-b5d9a1c8f001")

    assert doorbell.waiting() == plain.waiting() == 1
    doorbell.close()
    plain.close()


@pytest.mark.parametrize("trusted", ["another authority", "the system's alone"])
def test_a_certificate_that_is_not_trusted_is_refused_and_the_log_says_why(
    secured: Secured, redis_url: str, trusted: str
) -> None:
    own = trusted == "another authority"
    url, plain = secured.trusting(secured.wrong) if own else secured.url, Doorbell(redis_url)

    rung = subprocess.run(
        [sys.executable, "-c", RING, url],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )

    assert rung.stdout.strip() == "False"
    (line,) = [json.loads(line) for line in rung.stderr.splitlines()]
    assert line["event"] == "queue_away"
    assert "CERTIFICATE_VERIFY_FAILED" in line["detail"]
    assert plain.waiting() == 0
    plain.close()


def test_a_worker_is_rung_over_tls_and_does_its_job(
    secured: Secured, database_url: str, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    models.mkdir()
    with open_lab(database_url, secured.trusting(secured.right), models) as lab:
        name = lab.model_type()
        with lab.worker(tmp_path):
            job = lab.retrain(name, force=True)

    assert job["status"] == "succeeded", job


def test_a_worker_that_does_not_trust_the_certificate_says_so(
    secured: Secured, database_url: str, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    models.mkdir()
    with (
        open_lab(database_url, secured.trusting(secured.wrong), models) as lab,
        lab.worker(tmp_path) as worker,
    ):
        worker.wait_until_said("CERTIFICATE_VERIFY_FAILED")
