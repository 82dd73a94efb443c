"""The story of a decision: what is told, and in which order."""

from __future__ import annotations

from typing import Any

import pytest

from core.explanations.evidence import LARGEST_LEVEL, explain_signs
from core.explanations.gates import explain_gate
from core.explanations.rules import explain_rule
from core.explanations.validations import explain_validation
from core.explanations.why import explain_decision, explain_job_story, explain_judgement
from core.explanations.windows import explain_window
from core.explanations.words import ENGLISH, Words
from core.monitoring import label_buckets
from tests.explanations.good_rows import COMPARISON, JOB, JUDGED, PLAN, SEEN, stories
from tests.explanations.plain import LANGUAGES, is_free_of_jargon
from tests.explanations.test_from_engines import judged

Row = dict[str, Any]


@pytest.mark.parametrize("locale", LANGUAGES)
def test_every_story_is_told_in_plain_words(locale: str) -> None:
    for explain, row in stories():
        is_free_of_jargon(explain(LANGUAGES[locale], row))


@pytest.mark.parametrize("locale", LANGUAGES)
def test_what_the_engines_judge_is_told_gate_by_gate(locale: str) -> None:
    words: Words = LANGUAGES[locale]
    for validation in (judged(), judged(with_champion=True), judged(training_rows=20)):
        stored = validation.as_json()
        told = explain_judgement(words, stored, metric="accuracy")
        assert told[0] == explain_validation(words, stored, metric="accuracy")
        assert told[-1] == explain_rule(words, stored, metric="accuracy")[-1]
        for sentence in told:
            is_free_of_jargon(sentence)


def test_the_largest_level_is_the_tests_own() -> None:
    assert LARGEST_LEVEL == label_buckets.HIGHEST_LEVEL


# The evidence -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "attempt", "says"),
    [
        (7050.0, 7050.0, "is 7,050: above 5,000, which counts as proof."),
        (1200.0, 1200.0, "is 1,200: above 1,000, enough to try a training, but below 5,000"),
        (1200.0, 3.0, "but a training has been tried since. Since then it is 3."),
        (22.4, 22.4, "is 22: below 1,000, from which on a training is tried."),
        (float(LARGEST_LEVEL), 0.0, "is 100,000 or more: above 5,000"),
    ],
)
def test_the_evidence_is_held_against_both_limits(level: float, attempt: float, says: str) -> None:
    test = SEEN["sequential"] | {"level": level, "attempt_level": attempt}
    (sentence,) = explain_signs(ENGLISH, {"sequential": test})
    assert says in sentence
    assert "all 900 cases since it came into use" in sentence


def test_moved_data_says_which_columns_and_what_follows() -> None:
    def told(**changes: Any) -> str:
        (sentence,) = explain_signs(ENGLISH, {"drift": SEEN["drift"] | changes})
        return sentence

    assert told().endswith(
        "“price”. It has been so in 2 of the last 3 looks, which is reason enough to train."
    )
    assert "once 2 of 3 looks show it" in told(starts_training=False)
    assert "depends little" in told(starts_training=False, alarm=False)
    assert "look like those" in told(features=[{"column": "price", "severity": "none"}])


def test_an_estimate_says_whether_it_counts() -> None:
    def told(**changes: Any) -> list[str]:
        return explain_signs(ENGLISH, {"estimate": SEEN["estimate"] | changes})

    assert "clearly worse than before" in told()[0]
    assert "as good as before" in told(outside_band=False)[0]
    assert "such estimates have been wrong" in told(status="off")[0]
    assert "too different" in told(status="invalid")[0]
    assert told(status="insufficient_data") == []


# The window and the rule ------------------------------------------------------------------------


def test_the_window_says_which_cases_and_why() -> None:
    which, newer, older = explain_window(ENGLISH, PLAN)

    assert which == (
        "It learnt from 800 cases, from 24 Oct 2026 to 24 Nov 2026. The newest 200 cases were set "
        "aside to test it."
    )
    assert newer == (
        "Of these, the 150 cases that the model in use has not learnt from compare the two."
    )
    assert older == (
        "It left older cases out: having learnt from the newest 500 cases alone it did better than "
        "from all 800."
    )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"rule": "surely_better"}, "with 99% certainty better by 3 points or more"),
        ({"rule": "not_worse"}, "has surely got worse. Until that is mended"),
        ({"rule": "first_model"}, "passing the tests was enough"),
        ({"rule": "none"}, "surely better, and by 2 points or more"),
        ({"rule": "none", "alarm": True}, "no worse, as measured"),
        ({"rule": "none", "verdict": "inconclusive"}, "About 100 more new cases would decide."),
        ({"rule": "none", "verdict": "rejected"}, "has not passed every test"),
    ],
)
def test_each_rule_is_told_with_what_it_takes(changes: Row, says: str) -> None:
    rule, stricter = explain_rule(ENGLISH, JUDGED | changes)
    assert says in rule
    assert stricter.startswith("It is test number 2 with much the same cases")


def test_a_judgement_from_before_rules_were_kept_says_no_rule() -> None:
    assert explain_rule(ENGLISH, JUDGED | {"rule": None}) == []


def test_a_trial_run_is_told_as_one_and_decides_nothing() -> None:
    trial = {"name": "size", "passed": False, "value": 3.0, "threshold": 1.0, "dry_run": True}
    failed = COMPARISON | {"passed": False, "value": -0.05}
    told = explain_judgement(
        ENGLISH, {"verdict": "rejected", "reason": "…", "gates": [trial, failed]}
    )
    assert explain_gate(ENGLISH, trial).endswith("This test is on trial: it holds no model back.")
    assert "5 points worse" in told[0]
    assert told[1].startswith("Small enough: ")


# The story --------------------------------------------------------------------------------------


def test_a_story_is_told_in_the_order_in_which_it_came_about() -> None:
    job = JOB | {
        "status": "succeeded",
        "plan": PLAN,
        "validation": JUDGED | {"rule": "not_worse"},
        "check_result": JOB["check_result"]
        | SEEN
        | {"model_id": "3", "needs_retraining": True, "verdict": "degraded"},
        "result": JOB["result"] | {"deployed": True},
    }
    told = "\n".join(explain_job_story(ENGLISH, job))
    marks = [
        "A schedule started it.",
        "Right in 81%",
        "The evidence that it got worse",
        "So a training was tried: the model in use got worse",
        "It learnt from 800 cases",
        "Version 4 was trained.",
        "It passed every test",
        "Compared with the model in use:",
        "Small enough:",
        "Until that is mended",
        "So it was deployed.",
    ]
    assert sorted(marks, key=told.index) == marks


def test_an_operation_without_an_end_says_where_it_is() -> None:
    operation = {"kind": "check", "status": "queued", "result": None}
    assert explain_decision(ENGLISH, {"operation": operation}) == [
        "It is waiting for a free worker."
    ]
