"""What the decisions are worth: Refit's own replay over whole streams, against simple policies.

Three made streams (abrupt changes, a slow one, none at all, each over several seeds) and the
electricity data where ``../shared`` is present. Goals: on the electricity data accuracy ≥ 0.76
with ≤ 60 retrainings, rejected challengers counted; on streams without a change no deployment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from core.backtest.records import Policy
from core.backtest.replay import Replay, replay
from core.domain import ModelType, Task

ELECTRICITY = Path(__file__).resolve().parents[3] / "shared" / "data" / "electricity.csv"
ELECTRICITY_FEATURES = ("period", "nswprice", "nswdemand", "vicprice", "vicdemand", "transfer")
WEEK = timedelta(weeks=1)
WINDOW = 12 * WEEK
SPACING = timedelta(minutes=30)
ROWS = 20_000
FIRST_CHANGE = 6_000
FEATURES = 8
WANTED_ACCURACY = 0.76
MOST_RETRAININGS = 60
SEEDS = (1, 2, 3)


@dataclass(frozen=True, kw_only=True)
class Found:
    """One policy on one stream."""

    accuracy: float
    retrainings: int
    deployments: int


def timed(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with half-hourly times and row ids."""
    times = pd.date_range("2000-01-01", periods=len(frame), freq=SPACING, tz="UTC")
    return frame.assign(
        event_time=times.astype("datetime64[us, UTC]"), row_id=np.arange(len(frame))
    )


def made(weights: Callable[[np.random.Generator], np.ndarray], seed: int) -> pd.DataFrame:
    """Rows whose class follows a logistic model, the weights (ROWS, FEATURES) of which may move."""
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(ROWS, FEATURES))
    score = (values * weights(generator)).sum(axis=1) / np.sqrt(FEATURES)
    score += 0.6 * values[:, 0] * values[:, 1]
    truth = generator.random(ROWS) < 1 / (1 + np.exp(-3 * score))
    frame = pd.DataFrame(values, columns=[f"f{number}" for number in range(FEATURES)])
    return timed(frame.assign(**{"class": truth.astype(int)}))


def steady(generator: np.random.Generator) -> np.ndarray:
    return np.tile(generator.normal(size=FEATURES), (ROWS, 1))


def abrupt(generator: np.random.Generator) -> np.ndarray:
    """Two changes, each to weights that keep two fifths of the old ones."""
    weights = steady(generator)
    for at in np.sort(generator.choice(np.arange(FIRST_CHANGE, ROWS - 2000), 2, replace=False)):
        weights[at:] = 0.4 * weights[at:] + 0.6 * generator.normal(size=FEATURES)
    return weights


def gradual(generator: np.random.Generator) -> np.ndarray:
    """From one set of weights to another, from the first change to the end."""
    weights = steady(generator)
    share = np.clip((np.arange(ROWS) - FIRST_CHANGE) / (ROWS - FIRST_CHANGE), 0, 1)[:, np.newaxis]
    moved = share * generator.normal(size=FEATURES)
    return np.asarray((1 - share) * weights + moved)


def electricity() -> pd.DataFrame:
    return timed(pd.read_csv(ELECTRICITY))


def model_type(features: Sequence[str]) -> ModelType:
    """The defaults, but for what would hold up years that pass in minutes."""
    return ModelType(
        name="stream",
        source_relation="public.stream",
        key_columns=("row_id",),
        time_column="event_time",
        target_column="class",
        feature_columns=tuple(features),
        task=Task.CLASSIFICATION,
        metric="accuracy",
        training_window=WINDOW,
        cool_down=timedelta(0),
        monthly_retraining_budget=None,
    )


def walk(frame: pd.DataFrame, features: Sequence[str]) -> dict[Policy, Found]:
    """Weekly steps, the first twelve weeks for the first training."""
    start = frame["event_time"].iloc[0].to_pydatetime() + WINDOW - SPACING
    done = replay(frame, model_type(features), start=start, step=WEEK)
    return {policy: found(done, policy) for policy in done.looks}


def found(done: Replay, policy: Policy) -> Found:
    first = done.spans[0].start
    right = done.predicted[policy][first:] == done.truth[first:]
    looks = done.looks[policy][1:]  # the first training is no retraining
    return Found(
        accuracy=float(right.mean()),
        retrainings=sum(look.retrained for look in looks),
        deployments=sum(look.deployed for look in looks),
    )


def show(name: str, policies: dict[Policy, Found]) -> None:
    cells = [
        f"{policy}: {one.accuracy:.4f} ({one.retrainings} / {one.deployments})"
        for policy, one in policies.items()
    ]
    print(f"{name:12} {'   '.join(cells)}", flush=True)


def main() -> int:
    """Print the table; 1 when a goal is missed."""
    print("accuracy (retrainings / deployments)")
    missed = 0
    for name, weights in {"abrupt": abrupt, "gradual": gradual, "none": steady}.items():
        for seed in SEEDS:
            policies = walk(made(weights, seed), [f"f{n}" for n in range(FEATURES)])
            show(f"{name} {seed}", policies)
            if name == "none":
                missed |= policies[Policy.REFIT].deployments > 0
    if ELECTRICITY.exists():
        policies = walk(electricity(), ELECTRICITY_FEATURES)
        show("electricity", policies)
        refit = policies[Policy.REFIT]
        missed |= refit.accuracy < WANTED_ACCURACY or refit.retrainings > MOST_RETRAININGS
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
