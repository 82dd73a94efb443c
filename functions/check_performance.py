"""POST check_performance: has a champion really become worse?"""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from core.domain import Environment, Role
from core.web import Answer, Call, Parameters, answer_operation, endpoint
from core.web.fields import AS_OF_NEEDS_NAMES, Names, Time, WaitSeconds, Whole, rules


class CheckPerformance(Parameters):
    """Whose metric is to be measured, over how many days, against which drop."""

    model_config = ConfigDict(json_schema_extra=rules(AS_OF_NEEDS_NAMES))

    model_types: Names | None = None
    threshold: float | None = Field(None, ge=0.0001, le=1)
    time_window: Annotated[int, Field(ge=1, le=3650), Whole] = 7
    environment: Environment | None = None
    as_of: Time | None = None
    wait_seconds: WaitSeconds = 10


@endpoint("POST", Role.OPERATOR, CheckPerformance)
def check_performance(call: Call[CheckPerformance]) -> Answer:
    """Have the champions measured: 200 ``{operation_id, needs_retraining, results}``, or 202."""
    asked = call.parameters
    operation_id = call.store.request_check(
        model_types=asked.model_types,
        threshold=asked.threshold,
        time_window=asked.time_window,
        environment=call.environment(asked.environment),
        as_of=asked.as_of,
        request_id=call.request_id,
    )
    return answer_operation(call, "check_performance", operation_id, asked.wait_seconds)
