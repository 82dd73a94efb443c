"""`refit users`: what people who sign in with Supabase may do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.options import JsonOutput
from core.cli.output import local_time, note, print_json, print_table, say
from core.domain import Role
from core.errors import RefitError
from core.settings import get_settings

if TYPE_CHECKING:
    from core.database import Database
    from core.supabase import Account, Accounts

users = typer.Typer(help="People who sign in with Supabase, and their roles.")


class GrantedRole(StrEnum):
    """What a person may be."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"
    NONE = "none"


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(users, name="users")


@users.command()
def grant(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="Their address, or their id.")],
    role: Annotated[GrantedRole, typer.Argument(help="none takes the role away.")],
    as_json: JsonOutput = False,
) -> None:
    """Say what a person may do; it is on record before it is so."""
    wished = None if role is GrantedRole.NONE else Role(role)
    with _open_accounts() as accounts, _open_database() as database:
        before = accounts.find(email)
        _record(database, before, role, "asked")
        try:
            account = accounts.set_role(before, wished)
        except RefitError:
            _record(database, before, role, "failed")
            raise
        _record(database, before, role, "granted")
    if as_json:
        print_json(asdict(account))
        return
    name = account.email or account.id
    say(f"{name} has the role {role}." if wished else f"{name} has no role any more.")
    note("It counts from their next token on: within an hour, at once when they sign in again.")


@users.command("list")
def list_users(
    everybody: Annotated[bool, typer.Option("--all", help="Also those without a role.")] = False,
    as_json: JsonOutput = False,
) -> None:
    """People with a role, and when they last signed in."""
    with _open_accounts() as accounts:
        listed = [account for account in accounts if everybody or account.ml_role is not None]
    if as_json:
        print_json({"items": [asdict(account) for account in listed]})
        return
    print_table(
        ("email", "role", "last sign-in", "id"),
        [(a.email, a.ml_role, local_time(a.last_sign_in_at), a.id) for a in listed],
    )
    if not listed:
        note("Nobody has a role yet: refit users grant EMAIL viewer")


@contextmanager
def _open_accounts() -> Iterator[Accounts]:
    from core.log import configure_logging
    from core.supabase import Accounts

    # An error is told once, in one line, by the command itself.
    configure_logging("CRITICAL")
    accounts = Accounts(get_settings())
    try:
        yield accounts
    finally:
        accounts.close()


@contextmanager
def _open_database() -> Iterator[Database]:
    """DATABASE_URL's, else the project's own through the same key that grants the role."""
    from core.database import open_database

    database = open_database(get_settings())
    try:
        yield database
    finally:
        database.close()


def _record(database: Database, account: Account, role: GrantedRole, outcome: str) -> None:
    """Write the audit row, without which nothing is granted."""
    from core.store import LOCAL_ADMIN, Store

    Store(database, actor=LOCAL_ADMIN).record_event(
        workflow="refit users",
        execution_id=account.id,
        step="grant_role",
        outcome=outcome,
        detail={"email": account.email, "before": account.ml_role, "after": str(role)},
    )
