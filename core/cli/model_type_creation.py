"""Making a model type: from a person's words to a row, once its data can be read."""

from __future__ import annotations

from enum import StrEnum

from core.cli.definitions import (
    Wish,
    as_definition,
    check_engine,
    check_gates,
    check_metric,
    define,
)
from core.cli.options import split_names
from core.cli.output import note
from core.cli.session import Session
from core.domain import ModelType, Task
from core.errors import InvalidRequest


class BuiltIn(StrEnum):
    """Model types that come with Refit, over a table public.content_posts."""

    CONTENT_PERFORMANCE = "content_performance"
    ENGAGEMENT_PREDICTION = "engagement_prediction"


def wished_model_type(
    session: Session,
    name: str | None,
    source: str | None,
    target: str | None,
    *,
    time: str | None,
    label_time: str | None,
    keys: str | None,
    features: str | None,
    exclude: str | None,
    task: Task | None,
) -> ModelType:
    """The definition of a model type over a person's own table; lists of names have commas.

    Raises
    ------
    DataError, InvalidRequest
        Something is missing, or not as it must be.
    """
    wish = Wish(
        name=_needed(name, "a name"),
        source=_needed(source, "--source"),
        target=_needed(target, "--target"),
        time=time,
        label_time=label_time,
        keys=split_names(keys),
        features=split_names(features),
        exclude=split_names(exclude),
        task=task,
        settings={},
    )
    model_type, notes = define(session.settings.require_database_url(), wish)
    for text in notes:
        note(text)
    return model_type


def built_in_model_type(name: BuiltIn, *own: str | None) -> ModelType:
    """The definition of a model type that comes with Refit.

    Parameters
    ----------
    own
        What a person gave of their own name, source and target: it must be nothing.

    Raises
    ------
    InvalidRequest
        They gave something.
    """
    from core.engines.content_posts import content_model_types

    if any(own):
        raise InvalidRequest(
            "--builtin brings its own name, source and target.", hint="Leave them out."
        )
    return next(t for t in content_model_types() if t.name == name)


def register(session: Session, wished: ModelType) -> ModelType:
    """Check that all rows can be read and the engine run, then create the model type.

    Raises
    ------
    DataError
        Something is missing; the hint holds the exact GRANT or POLICY. Nothing was created.
    """
    from core.datasets import check_access

    check_engine(wished.engine, session.settings)
    check_metric(wished.metric, session.settings)
    check_gates(wished.dry_run_gates)
    check_access(session.settings.require_database_url(), wished)
    return session.store.create_model_type(as_definition(wished))


def _needed(value: str | None, what: str) -> str:
    if not value:
        raise InvalidRequest(
            f"A model type needs {what}.",
            hint="refit model-types create NAME --source TABLE --target COLUMN, or --builtin.",
        )
    return value
