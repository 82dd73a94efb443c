"""POST validate_models: is a model proven better than the champion?"""

from __future__ import annotations

from typing import Self

from pydantic import ConfigDict, model_validator

from core.domain import Environment, Role
from core.web import Answer, Call, Parameters, answer_operation, endpoint
from core.web.fields import Ids, Names, Time, WaitSeconds, exactly_one_of, rules


class ValidateModels(Parameters):
    """Which models are to be judged."""

    model_config = ConfigDict(
        json_schema_extra=rules(exactly_one_of("model_ids", "model_types", "job_ids"))
    )

    model_ids: Ids | None = None
    model_types: Names | None = None
    job_ids: Ids | None = None
    environment: Environment | None = None
    as_of: Time | None = None
    wait_seconds: WaitSeconds = 10

    @model_validator(mode="after")
    def _names_models_in_one_way(self) -> Self:
        given = [self.model_ids, self.model_types, self.job_ids]
        if sum(ways is not None for ways in given) != 1:
            raise ValueError("Name the models by exactly one of model_ids, model_types, job_ids")
        return self


@endpoint("POST", Role.OPERATOR, ValidateModels)
def validate_models(call: Call[ValidateModels]) -> Answer:
    """Have models judged, gate by gate: 200 ``{operation_id, results}``, or 202."""
    asked = call.parameters
    operation_id = call.store.request_validation(
        model_ids=asked.model_ids,
        model_types=asked.model_types,
        job_ids=asked.job_ids,
        environment=call.environment(asked.environment),
        as_of=asked.as_of,
        request_id=call.request_id,
    )
    return answer_operation(call, "validate_models", operation_id, asked.wait_seconds)
