from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from core.domain import Task
from core.engines.continuous_learning import ContinuousLearningEngine
from core.engines.fitting import Learner
from core.engines.hyper_parameters import Found, search_parameters, search_space, with_parameters
from core.errors import InvalidRequest
from tests.engines.rows import model_type, regression_type, rows

END = datetime(2030, 1, 1, tzinfo=UTC)


def learner(**changes: Any) -> Learner:
    kind = model_type(**({"search_seconds": 60} | changes))
    return Learner(model_type=kind, factories={}, metrics={})


def found(trials: int = 4, seed: int = 0, **changes: Any) -> Found:
    return search_parameters(rows(400), learner(**changes), seed=seed, most_trials=trials)


def test_the_same_seed_and_number_of_trials_find_the_same_parameters() -> None:
    settings: dict[str, Any] = {"engine": "linear", "metric": "log_loss"}
    one = found(8, **settings)
    assert one == found(8, **settings)
    assert one.parameters != found(8, seed=1, **settings).parameters
    assert one.figures["trials"] == 9


def test_what_is_found_is_better_on_the_newest_training_rows_or_nothing_is() -> None:
    bad: dict[str, Any] = {"engine": "gradient_boosting", "engine_parameters": {"max_iter": 3}}
    made = found(6, metric="log_loss", **bad)
    assert set(made.parameters) == set(search_space(learner(**bad).model_type))
    assert "max_iter" not in made.parameters  # what the model type sets itself stays
    assert made.figures["after"] < made.figures["before"]
    nothing = found(0, engine="linear")
    assert nothing.parameters == {}
    assert nothing.figures["after"] is None


@pytest.mark.parametrize(
    "engine", ["gradient_boosting", "linear", "random_forest", "incremental_linear"]
)
@pytest.mark.parametrize("task", [Task.CLASSIFICATION, Task.REGRESSION])
def test_each_engine_has_parameters_that_can_be_searched(engine: str, task: Task) -> None:
    kind = model_type(engine=engine, search_seconds=60)
    if task is Task.REGRESSION:
        kind = regression_type(engine=engine, search_seconds=60, target_column="number")
    of = Learner(model_type=kind, factories={}, metrics={})
    made = search_parameters(rows(300), of, seed=0, most_trials=1)
    assert made.figures["trials"] == 2
    fitted = ContinuousLearningEngine(with_parameters(of, made.parameters).model_type)
    fitted.fit_window(rows(300), seed=0)


def test_a_search_ends_with_its_budget() -> None:
    start = time.monotonic()
    made = found(100_000, engine="linear", search_seconds=1)
    assert time.monotonic() - start < 2.5
    assert 2 <= made.figures["trials"] < 100_000


def test_training_and_final_fit_use_what_was_found_and_the_model_says_so() -> None:
    kind = model_type(
        engine="gradient_boosting",
        metric="log_loss",
        engine_parameters={"max_iter": 5},
        search_seconds=1,
    )
    engine = ContinuousLearningEngine(kind)
    frame = rows(800)
    plan = engine.plan(frame, as_of=END, champion_cutoff=None)
    trained = engine.train(frame, plan, seed=0)

    search = trained.plan.figures["search"]
    assert search["parameters"]
    assert trained.engine_parameters == {"max_iter": 5, **search["parameters"]}
    assert trained.parameters.items() >= trained.engine_parameters.items()
    final = engine.final_fit(frame, trained, plan, seed=0).model
    assert final.pipeline[-1].get_params() == trained.model.pipeline[-1].get_params()
    # With what was found written into the model type, no search is needed for the same model.
    settled = replace(kind, search_seconds=0, engine_parameters=trained.engine_parameters)
    again = ContinuousLearningEngine(settled).train(frame, plan, seed=0)
    np.testing.assert_array_equal(
        again.model.predict_proba(frame), trained.model.predict_proba(frame)
    )


def test_a_continued_model_keeps_the_parameters_that_were_found_for_it() -> None:
    kind = model_type(engine="incremental_linear", metric="log_loss", search_seconds=1)
    engine = ContinuousLearningEngine(kind)
    frame = rows(3000)
    first = frame.head(1200)
    one = engine.train(first, engine.plan(first, as_of=END, champion_cutoff=None), seed=0)
    cutoff = one.plan.train_end
    plan = engine.plan(frame, as_of=END, champion_cutoff=cutoff)
    two = engine.train(frame, plan, seed=0, previous=one.model, previous_cutoff=cutoff)
    assert "continued" in two.plan.figures
    assert "search" not in two.plan.figures
    assert two.parameters == one.parameters
    assert two.engine_parameters.items() >= one.engine_parameters.items()


def test_an_engine_whose_parameters_nobody_knows_is_not_searched() -> None:
    kind = model_type(engine="mine:make", search_seconds=5)
    engine = ContinuousLearningEngine(kind, factories={"mine:make": DecisionTreeClassifier})
    frame = rows(300)
    plan = engine.plan(frame, as_of=END, champion_cutoff=None)
    with pytest.raises(InvalidRequest, match=r"mine:make.*search_seconds to 0"):
        engine.train(frame, plan, seed=0)
