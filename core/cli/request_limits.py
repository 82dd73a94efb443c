"""How much the functions take on this machine, where everybody who asks is oneself."""

from __future__ import annotations

from core.settings import Settings

# Still a bound: a loop that runs wild is stopped, and not the machine.
_LOCAL = {
    "rate_limit_reads": ("REFIT_RATE_LIMIT_READS", "12000/minute"),
    "rate_limit_work": ("REFIT_RATE_LIMIT_WORK", "6000/minute"),
    "rate_limit_failures": ("REFIT_RATE_LIMIT_FAILURES", "6000/minute"),
}


def limit_environ(settings: Settings) -> dict[str, str]:
    """Variables for the functions, where the operator has not set them."""
    given = settings.model_fields_set
    return {name: rate for field, (name, rate) in _LOCAL.items() if field not in given}
