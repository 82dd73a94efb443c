"""`refit models import`: an existing scikit-learn model is judged, and may become the champion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.options import AsOf, InEnvironment, JsonOutput, Wait, read_time
from core.cli.output import print_json, say
from core.cli.retrain_command import outcome_sentence
from core.cli.session import Session, open_session
from core.cli.waiting import wait_for_jobs
from core.domain import JobStatus
from core.errors import ArtifactError, InvalidRequest

if TYPE_CHECKING:
    from core.engines.fitted_model import FittedModel

models = typer.Typer(help="Models that were made elsewhere.")


def add_to(app: typer.Typer) -> None:
    """Add the command group."""
    models.command("import")(import_model)
    app.add_typer(models, name="models")


@models.callback()
def _group() -> None:
    """Models that were made elsewhere."""


def import_model(
    file: Annotated[Path, typer.Argument(metavar="FILE.skops", help="A fitted estimator.")],
    model_type: Annotated[str, typer.Option("--model-type", help="What it predicts.")],
    trained_until: Annotated[
        str | None,
        typer.Option(
            "--trained-until",
            help="Newest row that it has learnt from; default: it may have seen all rows but the "
            "newest ones, which judge it.",
        ),
    ] = None,
    deploy: Annotated[
        bool, typer.Option("--deploy/--no-deploy", help="Let it serve when it passes the gates.")
    ] = True,
    reason: Annotated[str | None, typer.Option("--reason", help="Kept with the job.")] = None,
    environment: InEnvironment = None,
    as_of: AsOf = None,
    wait: Wait = True,
    as_json: JsonOutput = False,
) -> None:
    """Judge a fitted scikit-learn model, stored with skops, on the newest labelled rows.

    It gets the feature columns as a DataFrame, as they come from the table. Without a champion it
    serves when it passes the gates of a first model; else it is a challenger like any other.
    """
    until, moment = read_time(trained_until, "--trained-until"), read_time(as_of, "--as-of")
    with open_session() as session:
        digest = _stored(session, file, model_type)
        job = session.store.import_model(
            model_type,
            artifact_hash=digest,
            trained_until=until,
            environment=session.environment(environment),
            auto_deploy=deploy,
            reason=reason or f"Imported from {file.name}.",
            as_of=moment,
        )["job"]
        session.ring("retrain", job["id"])
        if wait:
            (job,) = wait_for_jobs(session, [job])
    _show(job, wait=wait, as_json=as_json)


def _show(job: dict[str, Any], *, wait: bool, as_json: bool) -> None:
    if as_json:
        print_json({"job": job})
    elif wait:
        say(outcome_sentence(job).replace("was trained", "was imported"))
    else:
        say(f"{job['model_type']}: queued as {job['id']}")
    if wait and job["status"] != JobStatus.SUCCEEDED:
        raise typer.Exit(1)


def _stored(session: Session, file: Path, name: str) -> str:
    """The hash under which the model is in the artifact store."""
    from core.artifacts.store import open_artifact_store
    from core.engines.imported_model import IMPORTED_ENGINE
    from core.worker.resources import Resources

    kind = session.store.get_model_type(name)
    trusted = Resources.from_settings(session.settings).trusted_types
    model = _read(file, trusted, kind)
    page = {"model_type": name, "engine": IMPORTED_ENGINE, "imported_from": file.name}
    return open_artifact_store(session.settings).put(model, metadata=page)


def _read(file: Path, trusted: tuple[str, ...], model_type: Any) -> FittedModel:
    """The estimator in the file, once every type in it is known to be trusted.

    Raises
    ------
    InvalidRequest
        When there is no such file, or it holds no estimator for the model type's task.
    ArtifactError
        When it is no skops file, or holds types that are not trusted: they are named.
    """
    from core.artifacts.serialisation import deserialise
    from core.engines.imported_model import IMPORTED_ENGINE, wrap_estimator

    try:
        data = file.read_bytes()
    except OSError as exc:
        raise InvalidRequest(
            f"{file} cannot be read: {exc.strerror}.", hint="Name a file of skops.io.dump."
        ) from exc
    try:
        estimator = deserialise(data, engine=IMPORTED_ENGINE, extra_types=trusted)
    except ArtifactError as exc:
        raise ArtifactError(f"{file.name}: {exc.message}", hint=exc.hint) from exc
    return wrap_estimator(estimator, model_type)
