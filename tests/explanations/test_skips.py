"""Why a training was not begun, or was: told from figures, never from a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from core.domain import SkipKind
from core.explanations import skips
from core.explanations.causes import training_causes
from core.explanations.evidence import explain_signs
from core.explanations.skips import explain_skip, is_limited, is_postponed
from core.explanations.why import explain_job_story
from core.explanations.words import ENGLISH
from tests.explanations.good_rows import JOB, PLAN, SEEN
from tests.explanations.plain import LANGUAGES, is_free_of_jargon

Row = dict[str, Any]

NEARLY_THE_SAME = {"kind": "too_few_new_rows", "rows_needed": 200}
PROOF = SEEN["sequential"] | {"level": 7050.0, "attempt_level": 1200.0}
SUSPICION = SEEN["sequential"] | {"level": 1200.0, "attempt_level": 1200.0}
NOTHING = SEEN["sequential"] | {"level": 3.0, "attempt_level": 3.0}
# What a check found, and what of it asked for the training.
CAUSES: list[tuple[Row, list[str], str]] = [
    ({"sequential": PROOF}, ["proven"], "the model in use got worse"),
    ({"verdict": "degraded"}, ["proven"], "the model in use got worse"),
    ({"sequential": SUSPICION}, ["suspected"], "the model in use may have got worse"),
    ({"sequential": NOTHING, "drift": SEEN["drift"]}, ["drift"], "the data has changed"),
    (
        {"sequential": NOTHING, "figures": {"drift_stands": True}},
        ["drift"],
        "the data has changed",
    ),
    (
        {"sequential": NOTHING, "estimate": SEEN["estimate"]},
        ["estimate"],
        "the model in use is probably worse where no outcome is known yet",
    ),
    (
        {"sequential": SUSPICION, "drift": SEEN["drift"], "estimate": SEEN["estimate"]},
        ["suspected", "drift", "estimate"],
        (
            "the model in use may have got worse, and the data has changed, and the model in use "
            "is probably worse where no outcome is known yet"
        ),
    ),
]


def asking(check: Row) -> Row:
    return {"model_id": "3", "verdict": "healthy", "needs_retraining": True} | check


def skipped(check: Row, figures: Row | None) -> Row:
    return JOB | {"status": "skipped", "check_result": check, "skip_figures": figures}


@pytest.mark.parametrize(("check", "causes", "says"), CAUSES)
def test_a_job_that_waits_for_new_cases_says_what_asked_for_it(
    check: Row, causes: list[str], says: str
) -> None:
    assert training_causes(asking(check)) == causes
    assert explain_skip(ENGLISH, skipped(asking(check), NEARLY_THE_SAME)) == (
        f"Postponed: {says}. But the last training saw nearly the same cases. After 200 more new "
        "cases, another training can find something new."
    )


@pytest.mark.parametrize(("check", "causes", "says"), CAUSES)
def test_a_training_says_what_it_was_begun_for(check: Row, causes: list[str], says: str) -> None:
    assert causes
    job = JOB | {"status": "failed", "plan": PLAN, "check_result": asking(check)}
    assert f"So a training was tried: {says}." in explain_job_story(ENGLISH, job)
    assert (
        f"A model was trained because that was asked for; the check asks for it, too: {says}."
        in explain_job_story(ENGLISH, job | {"force": True})
    )


@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize(("check", "causes", "_says"), CAUSES)
def test_every_cause_is_told_in_plain_words(
    locale: str, check: Row, causes: list[str], _says: str
) -> None:
    assert causes
    told = explain_skip(LANGUAGES[locale], skipped(asking(check), NEARLY_THE_SAME))
    is_free_of_jargon(told)
    worse = {"en": "got worse", "nl": "slechter geworden"}[locale]
    maybe = {"en": "may have got worse", "nl": "misschien slechter geworden"}[locale]
    assert (worse in told) is bool({"proven", "suspected"} & set(causes)), told
    assert (maybe in told) is ("suspected" in causes), told


@pytest.mark.parametrize(
    ("check", "says"),
    [
        ({"model_id": None}, "There was no model in use"),
        ({"needs_retraining": False}, "no longer predicts what it did"),
        # Of before it was kept that drift stands.
        ({"sequential": NOTHING}, "So a training was tried."),
    ],
)
def test_a_training_that_no_sign_asked_for_claims_none(check: Row, says: str) -> None:
    job = JOB | {"status": "failed", "plan": PLAN, "check_result": asking(check)}
    assert says in " ".join(explain_job_story(ENGLISH, job))


def test_drift_that_stands_is_told_though_the_newest_look_shows_none() -> None:
    stands = {"figures": {"drift_stands": True}}
    (unlooked,) = explain_signs(ENGLISH, stands)
    assert unlooked.startswith("In most of the last looks the data looked different")
    calm = SEEN["drift"] | {"features": [{"column": "price", "severity": "none"}]}
    (looked,) = explain_signs(ENGLISH, stands | {"drift": calm})
    assert looked == (
        "The newest 600 cases look like those that it learnt from. But in 2 of the last 3 looks "
        "they did not, which is reason enough to train."
    )
    assert explain_signs(ENGLISH, {"figures": {"drift_stands": False}}) == []


# What was kept ----------------------------------------------------------------------------------


def test_every_kind_of_skip_has_words() -> None:
    assert {
        skips.NOT_NEEDED,
        skips.COOL_DOWN,
        skips.BUDGET,
        skips.TOO_FEW_NEW_ROWS,
    } == {kind.value for kind in SkipKind}
    for kind in SkipKind:
        job = {"skip_reason": "as written", "skip_figures": {"kind": kind.value}}
        assert "as written" not in explain_skip(ENGLISH, job)
        assert is_postponed(job) is (kind is not SkipKind.NOT_NEEDED)
        limits = {SkipKind.COOL_DOWN, SkipKind.MONTHLY_RETRAINING_BUDGET}
        assert is_limited(job) is (kind in limits)


@pytest.mark.parametrize("locale", LANGUAGES)
def test_a_skip_of_before_figures_were_kept_is_told_as_it_was_written(locale: str) -> None:
    for reason in (
        "cool_down: the last training began at 2026-11-24 08:00:00 UTC.",
        "monthly_retraining_budget: 2 of 2 trainings have begun this month.",
        "The last attempt has seen nearly the same labels: 200 more are needed.",
    ):
        job = skipped(asking({"sequential": PROOF}), None) | {"skip_reason": reason}
        assert explain_skip(LANGUAGES[locale], job) == reason
        assert is_postponed(job)


def test_a_healthy_check_of_before_figures_were_kept_needed_no_training() -> None:
    check = {"verdict": "healthy", "reason": "Healthy.", "needs_retraining": False}
    job = skipped(check, None) | {"skip_reason": "Healthy."}
    assert explain_skip(ENGLISH, job).startswith("No training was needed. ")
    assert not is_postponed(job)


def test_what_a_sentence_says_does_not_matter() -> None:
    figures = JOB["skip_figures"]
    told = explain_skip(ENGLISH, {"skip_reason": "Rewritten.", "skip_figures": figures})
    assert told.startswith("Postponed: the last training began at 24 Nov 2026 08:00 UTC;")
