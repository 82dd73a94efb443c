"""What every HTTP function shares: who calls, what they say, how they are answered."""

from core.web.answer import Answer
from core.web.call import Call, Function
from core.web.endpoint import endpoint
from core.web.parsing import NoParameters, Parameters
from core.web.respond import refuse
from core.web.server import protect
from core.web.services import close_services
from core.web.waiting import answer_operation

__all__ = [
    "Answer",
    "Call",
    "Function",
    "NoParameters",
    "Parameters",
    "answer_operation",
    "close_services",
    "endpoint",
    "protect",
    "refuse",
]
