"""The operating-system account that PostgreSQL runs as when we are root.

PostgreSQL refuses to run as root. Then it runs as ``nobody``, who must be able to reach the
programs and the data folder. What lies below a closed folder (``/root``, say) stays closed: the
programs are copied and the data folder is made where that account can go.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from core.errors import EmbeddedServerError

# State of system services, after the Filesystem Hierarchy Standard 3.0, section 5.8.
SYSTEM_STATE = Path("/var/lib/refit")


class PopenArguments(TypedDict, total=False):
    """The arguments of :class:`subprocess.Popen` that change the account; none: our own."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account that is not root."""

    name: str
    uid: int
    gid: int

    def reaches(self, path: Path) -> bool:
        """Whether this account may enter the folder, or run the program, at ``path``."""
        return (
            subprocess.run(
                ["/bin/sh", "-c", 'test -x "$1"', "sh", path],
                check=False,
                cwd="/",
                stdin=subprocess.DEVNULL,
                **popen_arguments(self),
            ).returncode
            == 0
        )

    def place(self, folder: Path) -> Path:
        """Make ``folder`` so that this account can enter it, or an equal one that it can.

        Where a folder above is closed, the files go below ``/var/lib/refit`` and ``folder``
        becomes a link to them: opening a folder that is not ours would be no business of ours.

        Returns
        -------
        Path
            Where the files really are.

        Raises
        ------
        EmbeddedServerError
            When ``folder`` is there already, as a folder that the account cannot enter.
        """
        make_folder(folder.parent, mode=0o711)
        # Several processes may come here at once.
        descriptor = os.open(folder.parent, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            return self._place_alone(folder)
        finally:
            os.close(descriptor)

    def _place_alone(self, folder: Path) -> Path:
        if folder.exists():
            found = folder.resolve()
            if not self.reaches(found):
                raise EmbeddedServerError(
                    f"PostgreSQL runs as {self.name}, who cannot enter {found}.",
                    hint="Open it and the folders above it (chmod o+x), or set REFIT_HOME to a "
                    "folder that others may enter.",
                )
            return found
        # A link to files that were deleted is of no use.
        folder.unlink(missing_ok=True)
        if self.reaches(folder.parent):
            return make_folder(folder, mode=0o711)
        make_folder(SYSTEM_STATE, mode=0o711)
        elsewhere = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=SYSTEM_STATE))
        elsewhere.chmod(0o711)
        folder.symlink_to(elsewhere)
        return elsewhere


def popen_arguments(account: Account | None) -> PopenArguments:
    """Arguments for :mod:`subprocess`: this user, this group, no others."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def make_folder(path: Path, *, mode: int) -> Path:
    """Make ``path`` and what is missing above it; only what is made gets ``mode``."""
    if not path.is_dir():
        make_folder(path.parent, mode=mode)
        path.mkdir(exist_ok=True)
        path.chmod(mode)
    return path


def owner_account(path: Path) -> Account | None:
    """When we are root, the normal user whom an existing folder belongs to; else None.

    So root can use such a folder and leave it as its owner needs it.
    """
    if os.geteuid() != 0 or not path.exists() or path.stat().st_uid == 0:
        return None
    found = path.stat()
    try:
        name = pwd.getpwuid(found.st_uid).pw_name
    except KeyError as exc:
        raise EmbeddedServerError(
            f"{path} belongs to the user id {found.st_uid}, who has no account here.",
            hint="Give the folder to a user of this system, or set REFIT_HOME to another one.",
        ) from exc
    return Account(name=name, uid=found.st_uid, gid=found.st_gid)


def nobody() -> Account:
    """The account that owns nothing else.

    Raises
    ------
    EmbeddedServerError
        When the system has none.
    """
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError as exc:
        raise EmbeddedServerError(
            "PostgreSQL does not run as root, and this system has no account nobody for it.",
            hint="Add that account, or run Refit as a normal user.",
        ) from exc
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)
