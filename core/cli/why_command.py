"""`refit why`: why a decision was taken, in plain sentences."""

from __future__ import annotations

import re
from typing import Annotated, Any
from uuid import UUID

import typer

from core.cli.options import InEnvironment, JsonOutput
from core.cli.output import print_json, say
from core.cli.session import Session, open_session
from core.domain import Environment
from core.errors import InvalidRequest
from core.explanations.why import explain_decision
from core.explanations.words import ENGLISH

Json = dict[str, Any]

_VERSION = re.compile(r"(?P<name>[^@]+)@(?P<version>[0-9]{1,9})", re.ASCII)
_PAGE = 200


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("why")(why)


def why(
    decision: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="Of a training job, model, deployment or check; NAME@VERSION of a model; or a "
            "model type, for the model that serves.",
        ),
    ],
    environment: InEnvironment = None,
    as_json: JsonOutput = False,
) -> None:
    """Why was it trained, deployed, or not? The story of a decision in plain sentences."""
    with open_session() as session:
        decision_id = _id_of(session, decision, session.environment(environment))
        found = session.store.explain_decision(decision_id)
    story = explain_decision(ENGLISH, found)
    if as_json:
        print_json({"id": str(decision_id), "why": story, **found})
    else:
        for sentence in story:
            say(sentence)


def _id_of(session: Session, decision: str, environment: Environment) -> UUID:
    try:
        return UUID(decision)
    except ValueError:
        pass
    if version := _VERSION.fullmatch(decision):
        return _model_of(session, version["name"], int(version["version"]))
    model_type = session.store.get_model_type(decision)
    champion = session.store.get_champion(model_type.name, environment)
    if champion is None:
        raise InvalidRequest(
            f'No model of "{model_type.name}" serves {environment}.',
            hint=f"`refit history {model_type.name} --json` shows the ids of its jobs.",
        )
    return UUID(str(champion.deployment_id))


def _model_of(session: Session, name: str, version: int) -> UUID:
    """The id of a version, newest first."""
    model_type = session.store.get_model_type(name).name
    cursor: str | None = None
    while True:
        page: Json = session.store.list_models(model_type=model_type, limit=_PAGE, cursor=cursor)
        for model in page["items"]:
            if model["version"] == version:
                return UUID(model["id"])
        cursor = page["next_cursor"]
        if cursor is None:
            raise InvalidRequest(
                f'"{name}" has no version {version}.',
                hint=f"`refit history {name}` shows those that were trained.",
            )
