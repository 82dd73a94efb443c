"""Figures for Prometheus, as a scraper reads them."""

from __future__ import annotations

import socket
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from core.errors import ConfigurationError
from core.exposition import parse_address
from tests.functions.served import free_port, serving
from tests.worker.lab import empty_queue, open_lab


def scrape(port: int) -> dict[tuple[str, str], float]:
    """Each figure by its name and what it is about: an action, or an actor and an outcome."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return {
        (s.name, subject(s.labels)): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
        if not s.name.endswith("_bucket")
    }


def subject(labels: dict[str, str]) -> str:
    if "action" in labels:
        return labels["action"]
    outcome = labels.get("status")
    return labels.get("actor_name", "") + (f" {outcome}" if outcome else "")


def test_functions_count_and_time_their_requests(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    port = free_port()
    with serving(
        tmp_path,
        "main",
        DATABASE_URL=database_url,
        REDIS_URL=redis_url,
        REFIT_METRICS_ADDRESS=f"127.0.0.1:{port}",
    ) as server:
        server.get("health")
        server.get("health")
        server.get("invented by a caller")
        figures = scrape(port)

    assert figures["refit_http_requests_total", "health"] == 2
    assert figures["refit_http_requests_total", "none"] == 1
    assert figures["refit_http_request_duration_seconds_count", "health"] == 2
    assert 0 < figures["refit_http_request_duration_seconds_sum", "health"] < 60
    assert not any("invented" in subject for _, subject in figures)


def test_a_worker_counts_and_times_its_messages(
    tmp_path: Path, database_url: str, valkey_url: str
) -> None:
    port = free_port()
    artifacts = tmp_path / "artifacts"
    artifacts.mkdir()
    with (
        open_lab(database_url, empty_queue(valkey_url), artifacts) as lab,
        lab.worker(tmp_path, REFIT_METRICS_ADDRESS=f"127.0.0.1:{port}") as worker,
    ):
        worker.wait_until_logged("worker_started")
        lab.check(lab.model_type())
        lab.retrain(lab.model_type(), force=True)
        lab.retrain(lab.model_type(target_column="nowhere"))
        figures = scrape(port)

    assert figures["dramatiq_messages_total", "check_performance"] == 1
    assert figures["dramatiq_message_duration_milliseconds_count", "check_performance"] == 1
    assert figures["refit_work_ended_total", "check_performance succeeded"] == 1
    assert figures["refit_work_ended_total", "retrain succeeded"] == 1
    assert figures["refit_work_ended_total", "retrain failed"] == 1


def test_a_port_that_is_taken_stops_nobody(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with serving(
            tmp_path,
            "main",
            DATABASE_URL=database_url,
            REDIS_URL=redis_url,
            REFIT_METRICS_ADDRESS=address,
        ) as server:
            assert server.get("health").status == 200
            events = [line.get("event") for line in server.log_lines()]
    assert events.count("metrics_not_exposed") == 1


@pytest.mark.parametrize("address", ["9191", ":9191", "localhost:", "localhost:99999", "a:b"])
def test_an_address_that_is_none_is_named(address: str) -> None:
    with pytest.raises(ConfigurationError, match="REFIT_METRICS_ADDRESS"):
        parse_address(address)
