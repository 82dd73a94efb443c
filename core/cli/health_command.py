"""`refit health`: whether functions, a worker or a scheduler can do their part."""

from __future__ import annotations

from typing import Annotated, Any

import httpx
import typer

from core.cli.options import JsonOutput
from core.cli.output import print_json, say
from core.errors import ConfigurationError, RefitError
from core.log import configure_logging
from core.settings import Settings, get_settings

_PATH = "/workflows/ml/auto-retraining?action=health"
_TIMEOUT_S = 15.0
# Looking for any artifact shows that the store answers.
_NO_ARTIFACT = "0" * 64


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(health)


def health(
    worker: Annotated[
        bool, typer.Option("--worker", help="Look at the worker of this machine instead.")
    ] = False,
    scheduler: Annotated[
        bool, typer.Option("--scheduler", help="Look at the scheduler of this machine instead.")
    ] = False,
    as_json: JsonOutput = False,
) -> None:
    """Say which part is down; exit status 1 when one is. Starts no server.

    The functions are asked at API_BASE_URL when it is set, else where the running `refit up` of
    this REFIT_HOME serves them, else at PORT on this machine.
    """
    # What is down is told here, once.
    configure_logging("CRITICAL")
    settings = get_settings()
    if worker or scheduler:
        kind = "worker" if worker else "scheduler"
        parts = process_health(_with_local_servers(settings), kind)
    else:
        parts = _ask_functions(settings)
    if as_json:
        print_json(parts)
    else:
        for name, word in parts.items():
            say(f"{name:<10} {word}")
    if parts["status"] != "ok":
        raise typer.Exit(1)


def process_health(settings: Settings, kind: str) -> dict[str, str]:
    """What a worker or scheduler of this machine needs, and whether it is there itself.

    Parameters
    ----------
    settings : Settings
    kind : str
        ``worker`` or ``scheduler``.

    Returns
    -------
    dict
        ``ok`` or ``down`` for ``status``, ``database``, ``queue``, ``artifacts`` (a worker's alone)
        and the process itself.
    """
    from core.database import PostgresDatabase
    from core.process_name import is_here
    from core.queue import Doorbell
    from core.store import Store

    parts = dict.fromkeys(("status", "database", "queue", kind), "down")
    database = PostgresDatabase(settings.require_database_url(), max_connections=1)
    doorbell = Doorbell(settings.require_redis_url())
    try:
        seen = Store(database).get_health()[f"{kind}s"]
        parts["database"] = "ok"
        parts[kind] = "ok" if any(is_here(name) for name in seen) else "down"
    except RefitError:
        pass
    finally:
        database.close()
    if doorbell.waiting() is not None:
        parts["queue"] = "ok"
    doorbell.close()
    if kind == "worker":
        parts["artifacts"] = _artifact_store_word(settings)
    if list(parts.values()).count("down") == 1:  # its own alone
        parts["status"] = "ok"
    return parts


def _artifact_store_word(settings: Settings) -> str:
    from core.artifacts import ArtifactStore

    try:
        store = ArtifactStore.open(
            settings.require_artifacts_url(), endpoint_url=settings.s3_endpoint_url
        )
        store.exists(_NO_ARTIFACT)
    except RefitError:
        return "down"
    return "ok"


def _ask_functions(settings: Settings) -> dict[str, Any]:
    configured = settings.api_base_url
    base = configured.rstrip("/") if configured else f"{_local_address(settings)}/api"
    address = base.removesuffix("/api")
    try:
        # A proxy has no part in it on this machine.
        answer = httpx.get(f"{base}{_PATH}", timeout=_TIMEOUT_S, trust_env=configured is not None)
        parts = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL):
        return {"status": "down", "functions": f"nothing answers at {address}"}
    except ValueError:
        parts = None
    # Errors of others have a status too: a number.
    if not isinstance(parts, dict) or not isinstance(parts.get("status"), str):
        return {"status": "down", "functions": f"what answers at {address} tells no health"}
    return parts


def _local_address(settings: Settings) -> str:
    from core.cli.served_address import find_served_address
    from core.embedded.stack import absolute

    return find_served_address(absolute(settings.home)) or f"http://127.0.0.1:{settings.port}"


def _with_local_servers(settings: Settings) -> Settings:
    """The settings with the addresses of the local servers, where those run."""
    from core.cli.session import start_servers
    from core.embedded.stack import stack_is_running

    if settings.database_url is not None and settings.redis_url is not None:
        return settings
    if not stack_is_running(settings.home):
        raise ConfigurationError(
            "DATABASE_URL and REDIS_URL are not set, and no local servers run.",
            hint="Set them, or use `refit up`.",
        )
    return start_servers().settings
