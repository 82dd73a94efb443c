"""Sentences made from what the engines really find, not from rows that somebody made up."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.domain import GATE_NAMES, DataQuality, Gate, PerformanceCheck, Validation
from core.engines import gates
from core.engines.comparison import Comparison
from core.engines.continuous_learning import ContinuousLearningEngine
from core.engines.metrics import METRICS, Scored, get_metric
from core.engines.model_validation import ModelValidationFramework
from core.explanations import gate_findings
from core.explanations.cases import quoted
from core.explanations.checks import LEAST_REFERENCE, LEAST_ROWS, explain_check
from core.explanations.failures import explain_failure
from core.explanations.gates import explain_gate, gate_label, gate_meaning
from core.explanations.metrics import (
    is_higher_better,
    is_in_points,
    metric_meaning,
    metric_name,
    show_change,
)
from core.explanations.quality import FINDINGS, explain_finding, finding_label
from core.explanations.validations import deciding_gate, explain_validation
from core.explanations.words import ENGLISH, Words
from core.monitoring import (
    known_after_label,
    leakage,
    performance,
    quality_change,
    quality_columns,
    quality_rows,
    quality_target,
)
from core.monitoring.data_quality import assess
from core.monitoring.performance import check_performance
from core.monitoring.profile import ReferenceProfile, profile_column
from core.worker.recorded_predictions import Reproduction
from core.worker.stored_fit import StoredFit, judge_refit
from tests.engines.rows import QUALITY, end_of, model_type, regression_type, rows
from tests.explanations.plain import LANGUAGES, is_free_of_jargon


@pytest.fixture(params=LANGUAGES)
def words(request: pytest.FixtureRequest) -> Words:
    return LANGUAGES[request.param]


def names_in(module: Any, function: str) -> set[str]:
    """The first argument, or ``name``, of each call of a function in a module."""
    found: set[Any] = set()
    for node in ast.walk(ast.parse(Path(module.__file__).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == function:
            values = [*node.args[:1], *(k.value for k in node.keywords if k.arg == "name")]
            found |= {v.value for v in values if isinstance(v, ast.Constant)}
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "name":
            found |= {node.value.value} if isinstance(node.value, ast.Constant) else set()
    return found


GATES = sorted([*GATE_NAMES, "final_fit_agreement"])


# Gates --------------------------------------------------------------------------------------


def classified(right: float, count: int = 400, seed: int = 0) -> Scored:
    """Predictions of which a share is right."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, count)
    predicted = np.where(random.random(count) < right, truth, 1 - truth)
    return Scored(truth=truth, predicted=predicted)


def compared(gain: float, lower: float, upper: float, samples: int = 300) -> Comparison:
    return Comparison(
        challenger=0.8 + gain,
        champion=0.8,
        improvement=gain,
        lower=lower,
        upper=upper,
        p_value=0.01,
        samples=samples,
    )


def every_gate() -> Iterator[Gate]:
    """Each gate in each of its outcomes."""
    accuracy, target = get_metric("accuracy"), np.array([0, 1, 1] * 50)
    kind = model_type()
    yield from (
        gates.enough_rows(learnt, held, kind).gate
        for learnt, held in ((1000, 200), (50, 20), (1000, 12))
    )
    yield gates.data_quality(QUALITY).gate
    yield gates.data_quality(assess(rows(50), kind)).gate
    yield from (
        gates.beats_baseline(accuracy, classified(right), target, seed=0).gate
        for right in (0.9, 0.55, 0.2)
    )
    one_class = Scored(
        truth=np.zeros(50), predicted=np.zeros(50), proba=np.ones((50, 2)) / 2, classes=[0, 1]
    )
    yield gates.beats_baseline(get_metric("roc_auc"), one_class, target, seed=0).gate
    for reloaded in ([1, 2, 3], [1, 2, 4], [1]):
        reload = gates.ReloadCheck(recorded=np.array([1, 2, 3]), reloaded=np.array(reloaded))
        yield gates.artifact_reproduces(reload).gate
    yield gates.first_model().gate
    yield gates.champion_itself().gate
    nan = float("nan")
    yield from (
        gates.better_than_champion(accuracy, against, 0.02).gate
        for against in (
            compared(0.05, 0.02, 0.08),
            compared(-0.005, -0.012, 0.002),
            compared(-0.05, -0.08, -0.02),
            compared(0.03, -0.02, 0.08),
            compared(0.0, -0.02, 0.02),
            compared(0.03, 0.0, 0.06, samples=12),
            compared(nan, nan, nan),
        )
    )
    for outcome, reason in (
        (
            "no_common_rows",
            "No row is newer than what both models learnt from: they cannot be compared.",
        ),
        (
            "champion_not_scored",
            "The champion cannot be scored: The model needs the column price, missing here.",
        ),
    ):
        yield gates.not_comparable(reason, outcome).gate
    yield from safeguards()
    agrees = Gate(name="final_fit_agreement", passed=True, value=0.9, threshold=0.8, detail="…")
    yield from (agrees, replace(agrees, passed=False))
    costly = StoredFit(
        reproduction=Reproduction(recorded=np.ones(2), reloaded=np.ones(2)),
        latency_ms=7.5,
        size_bytes=2_000_000,
    )
    for stored, changes in (
        (costly, {"latency_budget_ms": 5.0}),
        (costly, {"size_budget_mb": 1.0}),
        (replace(costly, reproduction=replace(costly.reproduction, error="OSError: gone")), {}),
    ):
        yield judge_refit(agrees, stored, model_type(**changes))


def safeguards() -> Iterator[Gate]:
    """The gates of certainty, groups, time and size, in each of their outcomes."""
    limited = model_type(latency_budget_ms=5.0, size_budget_mb=1.0)
    for kind in (model_type(), limited):
        yield gates.latency(7.5, kind).gate
        yield gates.size(2_000_000, kind).gate
    yield gates.skipped_calibration("no_champion").gate
    yield gates.skipped_slices().gate
    random = np.random.default_rng(0)
    proba = random.uniform(0.5, 1.0, 1200)
    truth = (random.random(1200) < proba).astype(int)
    honest, boastful = (
        Scored(
            truth=truth,
            predicted=np.ones(1200, dtype=int),
            proba=np.column_stack([1 - sure, sure]),
            classes=[0, 1],
        )
        for sure in (proba, np.full(1200, 0.99))
    )
    wrong = replace(honest, predicted=np.zeros(1200, dtype=int))
    for ours, theirs in ((honest, boastful), (boastful, honest)):
        yield gates.calibration(ours, theirs, alpha=0.05, seed=0).gate
    frame = pd.DataFrame({"city": ["Ulm"] * 900 + ["Bonn"] * 250 + ["Kiel"] * 50})
    noisy = replace(honest, predicted=(random.random(1200) < 0.8).astype(int))
    for ours, columns in (
        (honest, ("city",)),
        (wrong, ("city",)),
        (noisy, ("city",)),
        (honest, ("country",)),
    ):
        kind = model_type(slice_columns=columns)
        accuracy = get_metric("accuracy")
        yield gates.slices(accuracy, ours, honest, frame, kind, alpha=0.05, seed=0).gate


@pytest.mark.parametrize("name", GATES)
def test_every_gate_has_a_label_and_says_why_it_exists(words: Words, name: str) -> None:
    assert gate_label(words, name) != name.replace("_", " ")
    is_free_of_jargon(gate_label(words, name))
    assert gate_meaning(words, name) != gate_meaning(words, "another")
    is_free_of_jargon(gate_meaning(words, name))


def test_every_outcome_of_every_gate_is_explained_in_plain_words(words: Words) -> None:
    explained = set()
    for gate in every_gate():
        sentence = is_free_of_jargon(explain_gate(words, gate.as_json()))
        assert sentence != gate.detail
        explained.add(gate.name)
    assert explained == set(GATES)


def test_an_explained_gate_keeps_its_figures() -> None:
    said = [explain_gate(ENGLISH, gate.as_json()) for gate in every_gate()]
    assert said[:3] == [
        "1,000 cases, of which 200 were set aside for the test.",
        "Only 50 cases to learn from; 100 are needed.",
        "Only 12 cases could be set aside for the test; 30 are needed.",
    ]
    assert "It is 5 points better than the model in use, on 300 cases." in said
    assert "It is 5 points worse than the model in use, on 300 cases." in said
    assert any(one.startswith("It is as good as the model in use, on 300 cases.") for one in said)
    assert not any("0 points better" in one for one in said)
    assert "The two models can be compared on only 12 cases; 30 are needed." in said
    again = "Trained once more on all cases, it"
    kept = "So the tested one is used."
    assert f"{again} takes 7.5 ms to predict one case; at most 5 ms are allowed. {kept}" in said
    assert f"{again} takes 2 MB; at most 1 MB are allowed. {kept}" in said
    assert f"{again} could not be saved correctly. {kept}" in said
    assert "Saved and loaded again, only 66.7% of its predictions are the same." in said


def test_the_smallest_numbers_are_those_of_the_engines() -> None:
    assert gate_findings.LEAST_COMMON_ROWS == gates.LEAST_COMMON_ROWS
    assert (LEAST_ROWS, LEAST_REFERENCE) == (performance.LEAST_ROWS, performance.LEAST_REFERENCE)


# Validations --------------------------------------------------------------------------------


def judged(**changes: Any) -> Validation:
    """A validation as the framework makes it, of a model that was really trained."""
    frame, kind = rows(1200), model_type()
    engine = ContinuousLearningEngine(kind)
    plan = engine.plan(frame, as_of=end_of(frame), champion_cutoff=None)
    model, parts = engine.train(frame, plan, seed=0).model, engine.split(frame, plan)
    arguments: dict[str, Any] = {
        "challenger": model,
        "champion": None,
        "holdout": parts.holdout,
        "champion_cutoff": None,
        "quality": QUALITY,
        "training_rows": len(frame),
        "train_frame": parts.train,
        "reload": None,
        "seed": 0,
    }
    if changes.pop("with_champion", False):
        arguments["champion"] = model
    return ModelValidationFramework(kind).validate(**(arguments | changes))


def test_validations_say_what_follows_and_why(words: Words) -> None:
    broken = replace(QUALITY, findings=assess(rows(50), model_type()).findings)
    for validation in (
        judged(),
        judged(with_champion=True),
        judged(with_champion=True, alarm=True),
        judged(is_champion=True),
        judged(quality=broken),
        judged(training_rows=20),
    ):
        stored = validation.as_json()
        with_gates = is_free_of_jargon(explain_validation(words, stored))
        # A job's result keeps the gate that decided alone, and says the same.
        result = stored | {"gates": [], "deciding_gate": deciding_gate(stored)}
        assert explain_validation(words, result) == with_gates


def test_a_judgement_says_what_its_deciding_gate_found(words: Words) -> None:
    failed = [gate.as_json() for gate in every_gate() if not gate.passed]
    for gate in failed:
        stored = {
            "verdict": "rejected",
            "reason": gate["detail"],
            "improvement": gate["value"] if gate["name"] == "better_than_champion" else None,
            "gates": [{"name": "data_quality", "passed": True, "detail": "Fine."}, gate],
        }
        sentence = is_free_of_jargon(explain_validation(words, stored))
        assert explain_gate(words, gate) in sentence
        # Of a judgement whose gates were not kept the engines' own sentence is told.
        assert explain_validation(words, stored | {"gates": None}).endswith(gate["detail"])


def test_the_first_model_and_the_model_in_use_are_told_apart() -> None:
    assert "first model" in explain_validation(ENGLISH, judged().as_json())
    assert "in use already" in explain_validation(ENGLISH, judged(is_champion=True).as_json())
    same = judged(with_champion=True)
    assert "a person decides" in explain_validation(ENGLISH, same.as_json())


# Data ---------------------------------------------------------------------------------------


def every_finding() -> Iterator[DataQuality]:
    frame, kind = rows(500), model_type()
    yield assess(frame.assign(a=1.0, b=np.nan), kind)
    infinite = frame.copy()
    infinite.loc[3, "b"] = np.inf
    infinite.loc[7, "id"] = 6
    yield assess(infinite, kind)
    yield assess(frame.drop(columns=["a", "at", "y"]), kind)
    yield assess(frame[:50].assign(y=1), kind)
    yield assess(frame.assign(at=["soon", *frame["at"].astype(str)[1:]]), kind)
    yield assess(frame.assign(y=frame["y"].mask(frame["id"] == 3)), kind)
    number = regression_type(target_column="number")
    yield assess(frame.assign(number=7.0), number)
    yield assess(frame.assign(number=["much", *frame["number"][1:]]), number)
    yield from doubtful(frame)


def doubtful(frame: pd.DataFrame) -> Iterator[DataQuality]:
    """Rows that can be learnt from, and maybe should not be."""
    kind = model_type(feature_columns=("a", "b", "number"))
    yield assess(frame, kind, as_of=end_of(frame) + timedelta(days=9))
    yield assess(frame.assign(b=frame["y"].map({0: "no", 1: "yes"})), kind)
    yield assess(frame.assign(y=(frame["id"] < 9).astype(int)), kind)
    yield assess(frame.assign(b=frame["b"].where(frame["id"] % 3 == 0)), kind)
    yield assess(frame.assign(b=frame["b"].where(frame["y"] == 1)), kind)
    yield assess(frame.assign(b=frame["at"] + timedelta(days=9)), kind)
    waits = frame["id"] >= 400
    empty = frame.assign(y=frame["y"].mask(waits), b=frame["b"].mask(waits))
    yield assess(empty[~waits], kind, recent=empty[waits])
    parts = {name: profile_column(frame[name], "numeric", times=frame["at"]) for name in "ab"}
    profile = ReferenceProfile(
        rows=len(frame),
        features=parts,
        target=parts["a"],
        prediction=parts["a"],
        key_columns=kind.key_columns,
        time_column=kind.time_column,
        label_time_column=None,
        label_delay_seconds=0,
        usual_delay_seconds=0,
    )
    yield assess(frame.assign(b=None), kind, profile=profile)
    yield assess(frame.assign(a=frame["a"] + 90, b="words"), kind, profile=profile)


def test_every_finding_is_explained_in_plain_words(words: Words) -> None:
    found = [finding for quality in every_finding() for finding in quality.findings]
    assert {finding.name for finding in found} == set(FINDINGS)
    modules = (
        known_after_label,
        leakage,
        quality_change,
        quality_columns,
        quality_rows,
        quality_target,
    )
    assert set().union(*(names_in(module, "found") for module in modules)) == set(FINDINGS)
    for finding in found:
        stored = {
            "name": finding.name,
            "column": finding.column,
            "blocking": finding.blocking,
            "detail": finding.detail,
        }
        # Older rows have no figures but those in the sentence.
        for figures in (finding.figures, {}):
            sentence = is_free_of_jargon(explain_finding(words, stored | {"figures": figures}))
            assert sentence != finding.detail
            assert finding.column is None or quoted(words, finding.column) in sentence
        assert finding_label(words, finding.name) != finding.name.replace("_", " ")


def test_a_training_that_its_data_forbade_says_what_is_wrong_with_them(words: Words) -> None:
    for quality in every_finding():
        blocking = [f for f in quality.findings if f.blocking]
        if not blocking:
            continue
        # What the worker writes with the job.
        error = {"type": "data", "status": 422, "detail": " ".join(f.detail for f in blocking)}
        sentence = is_free_of_jargon(explain_failure(words, error))
        for finding in blocking:
            stored = {"name": finding.name, "column": finding.column, "detail": finding.detail}
            # From before figures were kept: as it was written.
            assert explain_finding(words, stored) == finding.detail
            # The error's message gives the column's share before in no figure of its own.
            figures = {k: v for k, v in finding.figures.items() if k != "before"}
            assert explain_finding(words, stored | {"figures": figures}) in sentence


# Checks and metrics -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained() -> Any:
    frame = rows(4000)
    engine = ContinuousLearningEngine(model_type())
    plan = engine.plan(frame, as_of=end_of(frame), champion_cutoff=None)
    return engine.train(frame, plan, seed=0)


def swapped(frame: pd.DataFrame) -> pd.DataFrame:
    frame[["a", "b"]] = frame[["b", "a"]].to_numpy()
    return frame


def test_checks_say_what_was_found_and_why_it_counts(words: Words, trained: Any) -> None:
    def check(frame: pd.DataFrame, **changes: Any) -> PerformanceCheck:
        arguments = {"model": trained.model, "reference": trained.reference}
        kind = model_type()
        return check_performance(model_type=kind, frame=frame, **(arguments | changes))

    few = replace(trained.reference, samples=200)
    checks = [
        check(swapped(rows(600, seed=1))),
        check(swapped(rows(600, seed=1)), reference=few),
        check(rows(600, seed=2)),
        check(rows(60, seed=3, noise=0.8), threshold=0.0001),
        check(rows(12)),
        check(rows(0)),
        check(rows(600), model=None),
        check(rows(600), reference=replace(trained.reference, samples=40)),
        check(rows(600), reference=replace(trained.reference, metric="f1")),
    ]
    for one in checks:
        assert is_free_of_jargon(explain_check(words, one.as_json())) != one.reason
    sentences = {explain_check(words, one.as_json()) for one in checks}
    assert len(sentences) == len(checks)


def test_a_drop_is_told_with_both_values_its_size_and_the_odds(trained: Any) -> None:
    check = check_performance(
        model_type=model_type(),
        model=trained.model,
        frame=swapped(rows(600, seed=1)),
        reference=trained.reference,
    )
    sentence = explain_check(ENGLISH, check.as_json())
    assert check.current is not None
    assert sentence.startswith(f"Right in {ENGLISH.numbers.percent(check.current)} of 600 new ")
    assert show_change(ENGLISH, "accuracy", check.degradation) in sentence
    assert sentence.endswith("A drop this size by chance: less than 1 in 1,000,000.")


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_has_a_name_a_meaning_and_a_direction(words: Words, name: str) -> None:
    metric = METRICS[name]
    assert metric_name(words, name) != name
    is_free_of_jargon(metric_name(words, name))
    assert metric_meaning(words, name) != metric_meaning(words, "another")
    is_free_of_jargon(metric_meaning(words, name))
    assert is_higher_better(name) is metric.greater_is_better
    assert is_in_points(name) is metric.in_points
    assert ("%" not in show_change(words, name, 0.05)) is metric.in_points
