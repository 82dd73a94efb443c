"""`refit keys`: machine keys for programs that call the functions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from core.cli.options import JsonOutput, read_interval
from core.cli.output import local_time, note, print_json, print_table, say
from core.cli.session import open_session
from core.domain import Role

keys = typer.Typer(help="Machine keys for programs that call the functions.")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(keys, name="keys")


@keys.command()
def create(
    name: str,
    role: Annotated[Role, typer.Option("--role", help="What its holder may do.")] = Role.OPERATOR,
    expires_in: Annotated[
        str | None, typer.Option("--expires-in", help="For example 90d; default: never.")
    ] = None,
    as_json: JsonOutput = False,
) -> None:
    """Make a key; it is shown this once."""
    from core.keys import hash_key, make_key

    lifetime = read_interval(expires_in)
    expires_at = datetime.now(UTC) + lifetime if lifetime else None
    key = make_key()
    with open_session() as session:
        session.store.create_api_key(
            name=name, role=role, key_hash=hash_key(key), expires_at=expires_at
        )
    if as_json:
        print_json({"name": name, "role": str(role), "key": key})
    else:
        say(key)
        page = ", or sign in to the dashboard with it" if role.allows(Role.VIEWER) else ""
        note(f"{name} ({role}). Keep it: it is not shown again. Send it as X-API-Key{page}.")


@keys.command("list")
def list_keys(as_json: JsonOutput = False) -> None:
    """Names, roles and times of all keys."""
    with open_session() as session:
        answer = session.store.list_api_keys()
    if as_json:
        print_json(answer)
        return
    print_table(
        ("name", "role", "created", "last used", "expires", "revoked"),
        [
            (
                key["name"],
                key["role"],
                *(
                    local_time(key[name])
                    for name in ("created_at", "last_used_at", "expires_at", "revoked_at")
                ),
            )
            for key in answer["items"]
        ],
    )


@keys.command()
def revoke(name: str, as_json: JsonOutput = False) -> None:
    """Revoke a key for good."""
    with open_session() as session:
        answer = session.store.revoke_api_key(name)
    if as_json:
        print_json(answer)
    else:
        say(f"The key {name} is revoked; everywhere within 30 seconds.")
