"""POST deploy_model: let approved models serve."""

from __future__ import annotations

from typing import Self

from pydantic import ConfigDict, model_validator

from core.domain import Environment, Role
from core.web import Answer, Call, Parameters, answer_operation, endpoint
from core.web.fields import Ids, Names, Reason, Time, WaitSeconds, exactly_one_of, rules


class DeployModel(Parameters):
    """Which models are to serve."""

    model_config = ConfigDict(json_schema_extra=rules(exactly_one_of("model_ids", "model_types")))

    model_ids: Ids | None = None
    model_types: Names | None = None
    environment: Environment | None = None
    force: bool = False
    notify: bool = True
    reason: Reason | None = None
    as_of: Time | None = None
    wait_seconds: WaitSeconds = 10

    @model_validator(mode="after")
    def _names_models_in_one_way(self) -> Self:
        if (self.model_ids is None) == (self.model_types is None):
            raise ValueError("Name the models by exactly one of model_ids, model_types")
        return self


@endpoint("POST", Role.OPERATOR, DeployModel)
def deploy_model(call: Call[DeployModel]) -> Answer:
    """Have models loaded, tried and swapped in: 200 ``{operation_id, deployments}``, or 202."""
    asked = call.parameters
    operation_id = call.store.request_deployment(
        model_ids=asked.model_ids,
        model_types=asked.model_types,
        environment=call.environment(asked.environment),
        force=asked.force,
        notify=asked.notify,
        reason=asked.reason,
        as_of=asked.as_of,
        request_id=call.request_id,
    )
    return answer_operation(call, "deploy_model", operation_id, asked.wait_seconds)
