"""Does a drift check stay silent where nothing drifts, find what does, and how fast is it?

Run it with ``python -m bench.judgement.drift``. Rows are drawn anew for every window, as is the
reference for every ten of them. The features are independent: numbers (normal, log-normal, counts,
mostly zero), booleans, categories with few and with very many levels, texts; a third has holes.
The million rows are compared in a process of its own, whose peak memory the system reports.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline

from core.domain import DriftReport, DriftSeverity
from core.engines.columns import column_kinds
from core.engines.fitted_model import FittedModel
from core.monitoring.drift import detect_drift
from core.monitoring.drift_windows import DriftTracker
from core.monitoring.profile import ColumnProfile, ReferenceProfile, profile_column
from core.monitoring.profiled_values import distribution_of, predicted_values

SIZES = (50, 100, 200, 500, 1000, 5000, 20_000, 100_000)
WINDOWS = 400
WINDOWS_OF_MANY_ROWS = 100  # from 20,000 rows on
WINDOWS_OF_A_REFERENCE = 10
REFERENCE_ROWS = 4000
SHIFTED = ("number_0", "number_1", "number_2")
SHIFT = 0.35  # standard deviations
FEATURES = 20
START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
MOST_ALARMS = 0.05
LEAST_FOUND = 0.90
LARGE = 1_000_000
SPEEDS = (10_000, 100_000, LARGE)
MOST_SECONDS = 3.0
MOST_GB = 1.5
_CHILD = "from bench.judgement.drift import measure_speed; measure_speed({rows})"


def draw(count: int, random: np.random.Generator, shift: float = 0.0) -> pd.DataFrame:
    """Rows of twenty independent features, a time and a target."""
    columns: dict[str, object] = {}
    for k in range(8):
        columns[f"number_{k}"] = random.normal(shift if k < 3 else 0.0, size=count)
    columns["amount"] = random.lognormal(size=count)
    columns["count"] = random.poisson(2, count).astype(np.float64)
    columns["mostly_zero"] = random.normal(size=count) * (random.random(count) < 0.2)
    columns["flag"] = random.random(count) < 0.3
    for levels in (2, 5, 12, 40, 150, 2000):
        weights = 1 / np.arange(1, levels + 1)
        drawn = random.choice(levels, count, p=weights / weights.sum())
        columns[f"category_{levels}"] = pd.Series(pd.array(drawn.astype(str), dtype="str"))
    uniform = random.integers(0, 1000, count).astype(str)
    columns["thousand_alike"] = pd.Series(pd.array(uniform, dtype="str"))
    words = random.poisson(6, count) + 2
    numbers = random.integers(100_000, 1_000_000, count)
    notes = [f"note {n}" + " x" * w for n, w in zip(numbers, words, strict=True)]
    columns["note"] = pd.Series(notes, dtype="str")
    frame = pd.DataFrame(columns)
    for name in list(frame)[::3]:
        frame[name] = frame[name].mask(random.random(count) < 0.05)
    frame["target"] = random.normal(size=count)
    frame["id"] = np.arange(count)
    frame["at"] = pd.Timestamp(START) + pd.to_timedelta(np.linspace(0.001, 1, count), unit="D")
    return frame


def learn(frame: pd.DataFrame, holdout: int) -> tuple[FittedModel, ReferenceProfile]:
    """A cheap model and the profile of ``frame``; every feature is as important as any other."""
    features = [str(name) for name in frame if name not in {"target", "id", "at"}]
    numbers = [name for name in features if pd.api.types.is_float_dtype(frame[name].dtype)]
    columns = ColumnTransformer([("numbers", SimpleImputer(), numbers)])
    pipeline = Pipeline([("columns", columns), ("model", Ridge())])
    model = FittedModel(
        pipeline=pipeline.fit(frame[features], frame["target"]),
        task="regression",
        target_column="target",
        feature_columns=features,
        column_kinds=column_kinds(frame, features),
    )
    part, kind = predicted_values(model, frame[-holdout:])
    prediction = {"value": distribution_of(part)}
    profile = ReferenceProfile(
        rows=len(frame),
        features={
            name: profile_column(frame[name], kind, times=frame["at"], importance=1 / len(features))
            for name, kind in model.column_kinds.items()
        },
        target=profile_column(frame["target"], "numeric", times=frame["at"]),
        prediction=ColumnProfile(kind=kind, rows=holdout, missing=0, parts=prediction),
        key_columns=("id",),
        time_column="at",
        label_time_column=None,
        label_delay_seconds=0.0,
        usual_delay_seconds=0.0,
    )
    return model, profile


def check(model: FittedModel, profile: ReferenceProfile, rows: pd.DataFrame) -> DriftReport:
    report, _ = detect_drift(
        profile,
        rows,
        model=model,
        window_start=START,
        window_end=START + DAY,
        tracker=DriftTracker.start(START),
        seed=0,
    )
    return report


def simulate(
    count: int, *, windows: int, seed: int, shift: float = 0.0, reference: int = REFERENCE_ROWS
) -> list[DriftReport]:
    """Reports of independent windows of ``count`` rows."""
    random = np.random.default_rng([seed, count])
    reports = []
    for window in range(windows):
        if window % WINDOWS_OF_A_REFERENCE == 0:
            model, profile = learn(draw(reference, random), holdout=reference // 4)
        reports.append(check(model, profile, draw(count, random, shift)))
    return reports


def drifted(report: DriftReport) -> set[str]:
    """Every column that is called drifted, target and prediction among them."""
    columns = [*report.features, report.target, report.prediction]
    return {c.column for c in columns if c and c.severity is not DriftSeverity.NONE}


def measure_speed(rows: int) -> None:
    """In a process of its own: prints seconds, and the peak of its memory in GB."""
    random = np.random.default_rng(0)
    model, profile = learn(draw_wide(20_000, random), holdout=2000)
    frame = draw_wide(rows, random)
    started = time.perf_counter()
    report = check(model, profile, frame)
    seconds = time.perf_counter() - started
    assert report.rows == rows
    assert len(report.features) == 50
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)


def draw_wide(count: int, random: np.random.Generator) -> pd.DataFrame:
    """Fifty mixed columns as they are read from a database: text as Arrow keeps it."""
    columns: dict[str, object] = {}
    for k in range(26):
        values = random.normal(size=count)
        if k % 2:
            values[random.random(count) < 0.05] = np.nan
        columns[f"number_{k}"] = values
    for k in range(4):
        columns[f"count_{k}"] = random.integers(0, 50, count)
    for k in range(20):
        levels = (4, 12, 60, 180, 5000)[k % 5]
        codes = pa.array(random.integers(0, levels, count, dtype=np.int32))
        names = pa.array([f"level {level}" for level in range(levels)])
        texts = pa.DictionaryArray.from_arrays(codes, names).cast(pa.string())
        columns[f"text_{k}"] = pd.Series(texts.to_pandas(), dtype="str")
    columns["target"] = random.normal(size=count)
    columns["id"] = np.arange(count)
    columns["at"] = pd.Timestamp(START) + pd.to_timedelta(np.linspace(1, 86_400, count), unit="s")
    return pd.DataFrame(columns, copy=False)


def report_false_alarms() -> bool:
    print(f"no drift, {FEATURES} features, windows in alarm by any column, and by half of them:")
    met = True
    for size in SIZES:
        windows = WINDOWS if size < 20_000 else WINDOWS_OF_MANY_ROWS
        reports = simulate(size, windows=windows, seed=1)
        column = float(np.mean([bool(drifted(report)) for report in reports]))
        window = float(np.mean([report.alarm for report in reports]))
        met &= column <= MOST_ALARMS
        print(f"  {size:>9,} rows, {windows} windows: {column:6.1%} {window:6.1%}")
    return met


def report_recall() -> bool:
    reports = simulate(1000, windows=WINDOWS, seed=2, shift=SHIFT)
    found = np.array([[name in drifted(report) for name in SHIFTED] for report in reports])
    print(f"a shift of {SHIFT} SD in three of them, 1,000 rows:")
    print(f"  each found {found.mean():.1%}, all three {found.all(axis=1).mean():.1%}")
    return bool(found.mean() >= LEAST_FOUND)


def report_speed() -> bool:
    met = True
    for rows in SPEEDS:
        output = subprocess.run(
            [sys.executable, "-c", _CHILD.format(rows=rows)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        seconds, peak = map(float, output.split())
        print(f"  {rows:>9,} × 50: {seconds:.2f} s, {rows / seconds:,.0f} rows/s, {peak:.2f} GB")
        met &= seconds <= MOST_SECONDS and peak <= MOST_GB
    return met


def main() -> int:
    """0 when every goal is reached."""
    met = [report_false_alarms(), report_recall(), report_speed()]
    return 0 if all(met) else 1


if __name__ == "__main__":
    raise SystemExit(main())
