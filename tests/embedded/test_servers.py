"""What both embedded servers do alike."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg
import pytest
import redis

from core.embedded.server import EmbeddedServer
from core.errors import EmbeddedServerError

RunPython = Callable[[str, Sequence[object]], subprocess.Popen[str]]
Eventually = Callable[[Callable[[], object]], None]

START = """
import sys
from pathlib import Path
from core.embedded.postgres import EmbeddedPostgres
from core.embedded.valkey import EmbeddedValkey
server = {"postgres": EmbeddedPostgres, "valkey": EmbeddedValkey}[sys.argv[1]](Path(sys.argv[2]))
print(server.start(), flush=True)
"""


def keep(url: str, value: str) -> None:
    """Store something in either server."""
    if url.startswith("redis"):
        with redis.Redis.from_url(url) as client:
            client.set("kept", value)
    else:
        with psycopg.connect(url) as connection:
            connection.execute("create table if not exists kept (value text)")
            connection.execute("insert into kept values (%s)", [value])


def kept(url: str) -> str:
    """What was stored last."""
    if url.startswith("redis"):
        with redis.Redis.from_url(url, decode_responses=True) as client:
            return str(client.get("kept"))
    with psycopg.connect(url) as connection:
        row = connection.execute("select value from kept").fetchone()
        assert row
        return str(row[0])


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2].partition("/")[0])


def accepts_connections(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def running_pid(server: EmbeddedServer) -> int:
    assert server.pid is not None
    return server.pid


def starts_in_log(server: EmbeddedServer) -> int:
    log = server.folder.log.read_text()
    return log.count("starting PostgreSQL") + log.count("Valkey is starting")


def test_starting_twice_gives_the_same_server(server: EmbeddedServer) -> None:
    url = server.start()
    pid = server.pid
    assert server.start() == url == server.url
    assert server.pid == pid
    assert type(server)(server.home).url == url


def test_processes_that_race_get_one_server(server: EmbeddedServer, run_python: RunPython) -> None:
    name = server.home.name
    shutil.rmtree(server.home, ignore_errors=True)
    racers = [run_python(START, [name, server.home]) for _ in range(4)]
    answers = [racer.communicate(timeout=60)[0].strip() for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0, 0, 0]
    assert answers == [server.url] * 4
    assert starts_in_log(server) == 1
    assert server.folder.log.read_text().count("belonging to this database system") <= 1


def test_data_and_port_are_kept_between_runs(server: EmbeddedServer) -> None:
    url = server.start()
    keep(url, "until the next run")
    server.stop()
    assert not server.is_running
    assert server.start() == url
    assert kept(url) == "until the next run"


def test_a_killed_server_is_started_again_with_its_data(server: EmbeddedServer) -> None:
    url = server.start()
    keep(url, "before the crash")
    first = running_pid(server)
    os.kill(first, signal.SIGKILL)
    assert server.start() == url
    assert running_pid(server) != first
    assert kept(url) == "before the crash"


def test_a_server_killed_in_recovery_is_started_again(server: EmbeddedServer) -> None:
    keep(server.start(), "through two crashes")
    for _ in range(2):
        os.kill(running_pid(server), signal.SIGKILL)
        server.start()
    assert kept(server.url) == "through two crashes"


def test_a_server_survives_the_ctrl_c_of_the_process_that_started_it(
    server: EmbeddedServer, run_python: RunPython
) -> None:
    code = START + "\nimport time; time.sleep(60)"
    starter = run_python(code, [server.home.name, server.home])
    assert starter.stdout
    url = starter.stdout.readline().strip()
    # What a terminal does: the signal goes to everybody in the foreground process group.
    os.killpg(starter.pid, signal.SIGINT)
    starter.communicate(timeout=10)
    assert server.is_running
    assert server.url == url


def test_stopping_what_does_not_run_is_no_error(server: EmbeddedServer) -> None:
    server.stop()
    server.start()
    server.stop()
    server.stop()
    assert not server.is_running


def test_the_address_of_a_server_that_does_not_run_is_an_error(server: EmbeddedServer) -> None:
    with pytest.raises(EmbeddedServerError, match=r"is not running\. `refit up` starts it"):
        _ = server.url


def test_a_port_that_was_taken_since_is_given_up(server: EmbeddedServer) -> None:
    url = server.start()
    keep(url, "on another port")
    server.stop()
    with socket.create_server(("127.0.0.1", port_of(url))):
        moved = server.start()
        assert port_of(moved) != port_of(url)
        assert kept(moved) == "on another port"


def test_a_dead_servers_port_in_other_hands_is_not_taken_for_ours(
    server: EmbeddedServer, eventually: Eventually
) -> None:
    url = server.start()
    os.kill(running_pid(server), signal.SIGKILL)
    eventually(lambda: not accepts_connections(port_of(url)))
    with socket.create_server(("127.0.0.1", port_of(url))):
        assert not server.is_running
        assert port_of(server.start()) != port_of(url)


def test_secrets_are_readable_by_their_owner_alone(server: EmbeddedServer) -> None:
    url = server.start()
    password = server.folder.password
    assert len(password) >= 32
    assert password in url
    files = [path for path in server.home.iterdir() if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((server.home / "data").stat().st_mode) == 0o700
    assert {path.name for path in files if password in path.read_text()} == (
        {"password"} if server.name == "PostgreSQL" else {"password", "valkey.conf"}
    )


def test_a_server_does_not_carry_our_environment(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPABASE_SECRET_KEY", "not for others")
    server.start()
    environ = Path(f"/proc/{running_pid(server)}/environ")
    if not environ.exists():
        pytest.skip("needs /proc")
    assert b"not for others" not in environ.read_bytes()


def test_a_zombie_is_not_taken_for_a_server(server: EmbeddedServer, run_python: RunPython) -> None:
    # In a container without an init process, the killed server is never reaped.
    code = """
import ctypes, json, os, signal, sys, time
from pathlib import Path
from core.embedded.postgres import EmbeddedPostgres
from core.embedded.valkey import EmbeddedValkey
PR_SET_CHILD_SUBREAPER = 36
assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1) == 0
server = {"postgres": EmbeddedPostgres, "valkey": EmbeddedValkey}[sys.argv[1]](Path(sys.argv[2]))
server.start()
killed = server.pid
os.kill(killed, signal.SIGKILL)
server.start()
state = Path(f"/proc/{killed}/stat").read_text().rpartition(")")[2].split()[0]
started = server.pid
server.stop()
print(json.dumps([killed, state, started, server.is_running]))
"""
    if not Path("/proc/self/stat").exists():
        pytest.skip("needs /proc")
    process = run_python(code, [server.home.name, server.home])
    killed, state, started, running = json.loads(process.communicate(timeout=60)[0])
    assert state == "Z"
    assert started != killed
    assert not running


def test_a_large_log_is_put_aside(server: EmbeddedServer) -> None:
    server.start()
    server.stop()
    os.truncate(server.folder.log, 11 * 1024 * 1024)
    server.start()
    assert server.folder.log_size() < 1024 * 1024
    assert (server.folder.path / "server.log.1").stat().st_size == 11 * 1024 * 1024
