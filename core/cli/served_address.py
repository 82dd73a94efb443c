"""Where the running `refit up` of a home answers, for commands that ask it."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE_NAME = "up-address"


@contextmanager
def served_address(home: Path, address: str) -> Iterator[None]:
    """Leave the address in ``home`` until the block ends.

    The file is locked meanwhile. The kernel unlocks it however we end, so that what a killed
    process leaves behind is known to be stale.

    Parameters
    ----------
    home : Path
        A folder that is there.
    address : str
        Such as ``http://127.0.0.1:3000``.
    """
    path = home / FILE_NAME
    unfinished = home / f".{FILE_NAME}.{secrets.token_hex(3)}"
    with unfinished.open("x", encoding="utf-8") as file:
        # Locked before it has its name: nobody finds it without its lock.
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(address)
        file.flush()
        unfinished.replace(path)
        try:
            yield
        finally:
            # With configured servers another `up` of this home may have left its own since.
            if path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno())):
                path.unlink()


def find_served_address(home: Path) -> str | None:
    """The address that a running `refit up` left in ``home``, or None."""
    try:
        file = (home / FILE_NAME).open(encoding="utf-8")
    except FileNotFoundError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return file.read()
    return None
