from __future__ import annotations

import numpy as np
import pytest

from bench.judgement.unchanged import answers, replaced, unchanged


@pytest.mark.parametrize("labels_a_week", [315, 630])
def test_an_equal_challenger_seldom_follows_a_model_that_has_not_changed(
    labels_a_week: int,
) -> None:
    """Chance starts the training, and its rows judge too: twelve weeks with all of it."""
    found = unchanged(300, labels_a_week, disagreement=0.10)
    assert found.attempts > 0
    assert found.deployed <= 19  # 64 of 1,000


def test_a_worse_challenger_hardly_ever_does() -> None:
    assert unchanged(300, 315, disagreement=0.10, gain=-0.01).deployed <= 5


def test_the_bench_draws_what_it_says() -> None:
    champion, challenger = answers(
        50, 4000, disagreement=0.10, gain=0.03, repeated=0.3, random=np.random.default_rng(0)
    )
    assert champion.mean() == pytest.approx(0.15, abs=0.004)
    assert challenger.mean() == pytest.approx(0.12, abs=0.004)
    assert (champion != challenger).mean() == pytest.approx(0.10, abs=0.004)
    assert not replaced(champion[0, :500], champion[0, :500], alarm=False)
    assert replaced(champion[0, :500], champion[0, :500], alarm=True)
    assert replaced(champion[0, :500], np.zeros(500, dtype=bool), alarm=False)
