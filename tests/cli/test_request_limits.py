"""On one's own machine the limits of requests are far away, unless somebody sets them."""

from __future__ import annotations

from core.cli.request_limits import limit_environ
from core.settings import Settings


def test_local_limits_are_higher_than_the_defaults() -> None:
    local = Settings.model_validate(limit_environ(Settings()))
    default = Settings()

    for field in ("rate_limit_reads", "rate_limit_work", "rate_limit_failures"):
        amount, window = getattr(local, field).split("/")
        default_amount, default_window = getattr(default, field).split("/")
        assert window == default_window
        assert int(amount) >= 10 * int(default_amount)


def test_a_limit_that_is_set_stays() -> None:
    settings = Settings.model_validate({"REFIT_RATE_LIMIT_WORK": "5/second"})

    assert "REFIT_RATE_LIMIT_WORK" not in limit_environ(settings)
    assert "REFIT_RATE_LIMIT_READS" in limit_environ(settings)
