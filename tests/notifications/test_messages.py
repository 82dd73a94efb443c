"""Every event, in every state, says what happened, why, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.notifications.events import Event, Severity
from core.notifications.message import MOST_SUBJECT_CHARACTERS, Message
from core.notifications.messages import compose, example_message
from core.notifications.text import as_text
from tests.notifications.notices import DATA, JOB, MONDAY, NOW, notice

DASHBOARD = "https://refit.example.org/"
STANDING = (
    "degradation",
    "data_quality",
    "training_failed",
    "deployment_failed",
    "schedule_missed",
    "approval_needed",
)
AGAIN = {"reminder": True, "occurrences": 3}
RESOLVED = {"resolved": True, "occurrences": 3, "resolved_at": NOW.isoformat()}
OVER = {"resolved_at": NOW.isoformat()}


def states() -> Iterator[Any]:
    """Each event as it opens, and those that stand also as they are seen again and end."""
    for event in Event:
        yield pytest.param(event, {}, id=f"{event}-opened")
        if event in STANDING:
            yield pytest.param(event, AGAIN, id=f"{event}-again")
            yield pytest.param(event, RESOLVED, id=f"{event}-resolved")
            yield pytest.param(event, OVER, id=f"{event}-over before it was told")


def is_sentence(text: str) -> bool:
    return text[0].isupper() or text[0] in "“0123456789"


@pytest.mark.parametrize(("event", "state"), list(states()))
def test_every_message_has_its_parts(event: Event, state: dict[str, Any]) -> None:
    message = compose(notice(event, **state), DASHBOARD)

    for sentence in message.sentences:
        assert is_sentence(sentence), sentence
        assert sentence.endswith((".", "”", ":", "?")), sentence
    assert message.what
    assert message.to_do
    assert message.link is not None
    assert message.link.startswith("https://refit.example.org/en/ml-training")
    assert message.context.endswith("Production · 24 Nov 2026 08:15 UTC")
    assert message.resolved == ("resolved_at" in state)
    text = as_text(message)
    for odd in ("None", "{", "}", "  ", "nan", " ,", " ."):
        assert odd not in text + message.subject, text


@pytest.mark.parametrize(("event", "state"), list(states()))
def test_every_message_can_do_without_its_figures(event: Event, state: dict[str, Any]) -> None:
    bare = compose(notice(event, data={}, title=None, **state), None)

    assert bare.what
    assert bare.to_do
    assert bare.link is None
    assert "None" not in as_text(bare) + bare.subject


def test_a_message_says_what_why_and_what_to_do_in_plain_words() -> None:
    message = compose(notice("degradation"), DASHBOARD)

    assert message.subject == "Who leaves <next month>: predictions got worse"
    assert message.what.startswith("The model of “Who leaves <next month>” in production predicts")
    assert "Right in 81% of 1,240 new cases, compared with 87%." in message.why
    assert "retrain" in message.to_do
    assert ("Worse by", "6 points") in message.facts
    assert ("Compared with", "87%") in message.facts
    assert ("A drop above this matters", "3 points") in message.facts
    assert message.severity is Severity.WARNING


def test_repeats_are_one_message_that_counts_them() -> None:
    subject = compose(notice("degradation", **AGAIN), DASHBOARD).subject
    folded = compose(notice("degradation", occurrences=4), DASHBOARD).subject
    long_ago = (NOW - timedelta(days=40)).isoformat()

    assert subject.endswith("predictions are still worse (3rd check since Monday)")
    # Nobody has heard of it yet: it was folded while the channel was quiet.
    assert folded.endswith("predictions got worse (4th check since Monday)")
    old = compose(notice("training_failed", first_at=long_ago, **AGAIN), DASHBOARD).subject
    assert old.endswith("training still fails (3rd time since 15 Oct 2026)")


def test_what_is_over_needs_nobody() -> None:
    resolved = compose(notice("training_failed", **RESOLVED), DASHBOARD)
    missed = compose(notice("training_failed", **OVER), DASHBOARD)

    assert resolved.subject == "Who leaves <next month>: training works again"
    assert resolved.why == "The trouble began on Monday, and was seen 3 times."
    assert missed.subject.endswith("training failed, and that is over")
    for message in (resolved, missed):
        assert message.to_do == "There is nothing to do."
        assert message.severity is Severity.INFO
        assert message.is_good_news


@pytest.mark.parametrize(
    ("changes", "subject", "what"),
    [
        ({}, "version 5 is in use, 2.1 points better", "which is in use in production now."),
        ({"improvement": None, "previous_version": None}, "version 5 is in use", "is in use in"),
        (
            {"outcome": "approved", "waits_because": "auto_deploy_off"},
            "version 5 waits for you",
            "waits for a person.",
        ),
        ({"outcome": "rejected", "verdict": "rejected"}, "version 5 is not used", "stays."),
        ({"outcome": "not_validated", "verdict": None}, "was not tested yet", "not tested yet."),
        (
            {
                "outcome": "deployment_failed",
                "deployment_error": {"type": "stale_validation", "detail": "x"},
            },
            "version 5 was not deployed",
            "could not be deployed. Another model",
        ),
    ],
)
def test_a_training_says_what_became_of_its_model(
    changes: dict[str, Any], subject: str, what: str
) -> None:
    data = DATA["training_succeeded"] | changes

    message = compose(notice("training_succeeded", data=data), DASHBOARD)

    assert message.subject.endswith(subject)
    assert what in message.what


@pytest.mark.parametrize("outcome", ["rejected", "approved"])
def test_a_first_model_is_compared_with_none(outcome: str) -> None:
    data = DATA["training_succeeded"] | {"outcome": outcome, "previous_version": None}

    text = as_text(compose(notice("training_succeeded", data=data), DASHBOARD))

    assert "before it" not in text
    assert "the two" not in text


def test_the_newest_of_several_that_waited_says_how_many_they_are() -> None:
    several = {"occurrences": 3}

    training = compose(notice("training_succeeded", **several), DASHBOARD).subject
    deployment = compose(notice("deployed", **several), DASHBOARD).subject

    assert training.endswith("2.1 points better (3rd training since Monday)")
    assert deployment.endswith("version 3 is in use (3rd deployment since Monday)")


def test_a_model_that_was_replaced_is_not_said_to_predict_well() -> None:
    replaced = DATA["degradation"] | {"replaced": True}

    message = compose(notice("degradation", data=replaced, **RESOLVED), DASHBOARD)

    assert message.subject == "Who leaves <next month>: another model is in use"
    assert "was replaced by another" in message.what


def test_a_deployment_says_who_wanted_it_and_why() -> None:
    by_hand = DATA["deployed"] | {"forced": True}

    message = compose(notice("deployed", data=by_hand), DASHBOARD)
    by_job = compose(notice("deployed", data=DATA["training_succeeded"], job_id=JOB), DASHBOARD)

    assert message.what.endswith(
        "was deployed in production by anna@example.org without having passed the tests."
    )
    assert message.why == "“Prices were wrong <b>everywhere</b>”"
    assert "2.1 points better than version 4" in by_job.why


def test_who_holds_a_sign_in_link_is_told_without_the_name_of_a_key() -> None:
    name = "browser session 2026-11-24 07:25 9abd59"
    deployed = DATA["deployed"] | {"deployed_by": name}
    trained = DATA["training_failed"] | {"requested_by": name}
    who = "somebody with a sign-in link (24 Nov 2026 07:25 UTC)"

    assert f"by {who}" in compose(notice("deployed", data=deployed), DASHBOARD).what
    assert f"by {who}" in compose(notice("rolled_back", data=deployed), DASHBOARD).what
    facts = compose(notice("training_failed", data=trained), DASHBOARD).facts
    assert ("Asked for by", who) in facts


def test_a_column_that_is_gone_is_named_in_the_sentence_and_in_the_facts() -> None:
    data = DATA["data_quality"] | {"message": "public.posts has no column 'price'."}

    message = compose(notice("data_quality", data=data), DASHBOARD)
    assessed = compose(notice("data_quality"), DASHBOARD)

    assert message.why == "The column “price” that the model needs is gone from the data."
    assert ("Missing column", "price") in message.facts
    assert ("Missing column", "plan") in assessed.facts


def test_missed_schedules_of_several_model_types_are_one_message() -> None:
    names = [f"type_{number}" for number in range(7)]
    data = DATA["schedule_missed"] | {"model_types": names}

    message = compose(
        notice("schedule_missed", data=data, model_type=None, title=None, occurrences=7), DASHBOARD
    )

    assert message.subject.startswith("Several model types: a schedule was missed")
    assert dict(message.facts)["Model types"].endswith("type_4 and 2 more")
    assert message.link == "https://refit.example.org/en/ml-training"


def test_the_digest_has_a_row_for_each_model_type() -> None:
    message = compose(notice("digest"), DASHBOARD)

    assert message.subject == "Refit: your models from 17 Nov 2026 to 24 Nov 2026"
    assert message.what == (
        "Refit checked 2 model types in production 84 times and found one worse 2 times; it "
        "trained 4 new models and deployed 2. 2 model types predict better than before."
    )
    assert message.to_do == "Look at 2 alerts that nobody has closed."
    assert message.table is not None
    assert message.table.rows == (
        ("Who leaves <next month>", "42", "2", "1", "+2.1 points", "Accuracy 87.1%"),
        ("next", "42", "2", "1", "+2.1 points", ""),
    )


def test_the_link_leads_to_the_job_or_to_the_model_type() -> None:
    job = compose(notice("training_failed"), DASHBOARD)
    named = compose(notice("degradation", model_type="a/b c"), "https://refit.example.org/sub")

    assert job.link == f"https://refit.example.org/en/ml-training/jobs/{JOB}"
    assert job.link_label == "Open job"
    assert named.link_label == "Open the model"
    assert named.link == "https://refit.example.org/sub/en/ml-training/model-types/a%2Fb%20c"


@pytest.mark.parametrize("breaking", ["\r\nBcc: x@y.org", "\n", "\u2028", "\x00\x1b[31m", "\x85"])
def test_a_subject_is_one_line_whatever_a_title_holds(breaking: str) -> None:
    message = compose(notice("degradation", title=f"Churn{breaking}x" * 40), DASHBOARD)

    assert message.subject.isprintable()
    assert len(message.subject) <= MOST_SUBJECT_CHARACTERS


def test_a_test_message_says_that_it_is_one() -> None:
    message: Message = example_message("http://localhost:3000", datetime(2026, 11, 24, tzinfo=UTC))

    assert "test" in message.subject
    assert message.link == "http://localhost:3000/en/ml-training"
    assert example_message(None, MONDAY).link is None
