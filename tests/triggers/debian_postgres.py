"""Debian's PostgreSQL with its pg_cron, and stand-ins for what else Supabase brings.

The stand-in for pg_net queues a request in a table, as pg_net does; a thread of the test really
sends what was committed, and writes the answer where pg_net does.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self

import psycopg
from psycopg.rows import dict_row

from core.embedded.account import nobody, popen_arguments
from core.embedded.guardian import Guardian
from tests.functions.served import free_port

DATABASE = "refit"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "dynamic_shared_memory_type": "mmap",
    "timezone": "UTC",
    "max_worker_processes": "16",
    "cron.database_name": DATABASE,
    "cron.use_background_workers": "on",
}
STAND_INS = """
create schema net;
create table net.http_request_queue (
    id bigint generated always as identity primary key,
    url text not null,
    headers jsonb,
    body jsonb,
    timeout_milliseconds integer not null
);
create table net._http_response (
    id bigint, status_code integer, content_type text, headers jsonb, content text,
    timed_out boolean, error_msg text, created timestamptz not null default now()
);
create function net.http_post(
    url text, body jsonb default '{}', params jsonb default '{}',
    headers jsonb default '{"Content-Type": "application/json"}',
    timeout_milliseconds integer default 5000
) returns bigint language sql as $$
    insert into net.http_request_queue (url, headers, body, timeout_milliseconds)
    values (url, headers, body, timeout_milliseconds) returning id
$$;
create schema vault;
create table vault.secrets (
    id uuid primary key default gen_random_uuid(), name text unique, secret text
);
create view vault.decrypted_secrets as
select id, name, secret as decrypted_secret from vault.secrets;
create function vault.create_secret(new_secret text, new_name text default null)
returns uuid language sql as $$
    insert into vault.secrets (secret, name) values (new_secret, new_name) returning id
$$;
"""


def programs_with_pg_cron() -> Path | None:
    """The programs of the newest PostgreSQL of Debian's that has pg_cron."""
    found = Path("/usr/lib/postgresql").glob("*/lib/pg_cron.so")
    versions = sorted(int(path.parts[-3]) for path in found if path.parts[-3].isdecimal())
    return Path(f"/usr/lib/postgresql/{versions[-1]}/bin") if versions else None


@contextmanager
def running_debian_postgres(
    programs: Path, folder: Path, guardian: Guardian, *, preload: bool = True
) -> Iterator[str]:
    """The address of an empty database; the server lives in the block.

    ``preload``: pg_cron works. Without it its files are there all the same.
    """
    account = nobody() if os.geteuid() == 0 else None
    data, port = folder / "data", free_port()
    folder.mkdir(mode=0o711)
    data.mkdir(mode=0o700)
    if account:
        os.chown(data, account.uid, account.gid)
    subprocess.run(
        [
            *(programs / "initdb", f"--pgdata={data}", "--username=postgres", "--auth=trust"),
            *("--encoding=UTF8", "--locale=C", "--no-sync"),
        ],
        check=True,
        cwd="/",
        stdout=subprocess.DEVNULL,
        **popen_arguments(account),
    )
    settings = {**SETTINGS, "port": str(port)}
    if preload:
        settings["shared_preload_libraries"] = "pg_cron"
    arguments = [part for name in settings for part in ("-c", f"{name}={settings[name]}")]
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [programs / "postgres", "-D", data, *arguments],
            cwd="/",
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **popen_arguments(account),
        )
    guardian.watch(process.pid)
    try:
        url = f"postgresql://postgres@127.0.0.1:{port}"
        _create_database(f"{url}/postgres", process, log)
        yield f"{url}/{DATABASE}"
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(2)  # a fast shutdown
        process.wait(timeout=30)
        guardian.forget(process.pid)
        shutil.rmtree(folder)


def _create_database(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        assert process.poll() is None, log.read_text()
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(f"create database {DATABASE}")
                return
        except psycopg.OperationalError:
            time.sleep(0.05)
    raise AssertionError(log.read_text())


class Relay:
    """Sends what the stand-in for pg_net has queued, as its background worker does.

    ``loses_answers``: the request arrives, and its answer is lost on the way back.
    """

    def __init__(self, database_url: str) -> None:
        self.loses_answers = False
        self._url = database_url
        self._ending = Event()
        self._thread = Thread(target=self._run, name="relay")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        with psycopg.connect(self._url, autocommit=True, row_factory=dict_row) as connection:
            while not self._ending.wait(0.05):
                queued = connection.execute(
                    "delete from net.http_request_queue returning *"
                ).fetchall()
                for request in queued:
                    status, error = _send(request)
                    if not self.loses_answers:
                        connection.execute(
                            "insert into net._http_response (id, status_code, timed_out, error_msg)"
                            " values (%s, %s, false, %s)",
                            [request["id"], status, error],
                        )


def _send(queued: dict[str, Any]) -> tuple[int | None, str | None]:
    request = urllib.request.Request(
        queued["url"],
        data=json.dumps(queued["body"]).encode(),
        method="POST",
        headers=queued["headers"],
    )
    try:
        with urllib.request.urlopen(
            request, timeout=queued["timeout_milliseconds"] / 1000
        ) as answer:
            return answer.status, None
    except urllib.error.HTTPError as error:
        with error:
            return error.code, None
    except OSError as error:
        return None, str(error)
