"""From a request whose sender is known to its answer: limits, fields, cache."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from flask import Request

from core.domain import Role
from core.errors import InvalidRequest, RefitError
from core.store import Once
from core.web.answer import Answer, Exchange
from core.web.authentication import Caller, require_role
from core.web.call import Call, Form
from core.web.idempotency import REPLAYED_HEADER, read_once
from core.web.parsing import P, Parameters, name_fields, parse_body, parse_query, read_body
from core.web.rate_limits import Admission, Kind
from core.web.response_cache import answer_entry, entry_name, make_entry, may_be_kept
from core.web.services import Services


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request whose sender is known; what it says is not read yet."""

    request: Request
    exchange: Exchange
    services: Services
    caller: Caller | None

    def admit(self, kind: Kind, entry: str | None = None) -> Admission | None:
        """Count it against its sender's limit; None where nobody has to say who they are."""
        if self.caller is None:
            return None
        admission = self.services.limits.admit(self.caller, kind, entry)
        self.exchange.headers.update(admission.standing.headers())
        admission.standing.require()
        return admission

    def require_role(self, role: Role | None) -> None:
        """Refuse a caller whose role is too low."""
        if self.caller is not None and role is not None:
            require_role(self.caller, role)

    def call(self, parameters: P, once: Once | None = None) -> Call[P]:
        """What the action is given."""
        return Call(
            parameters=parameters,
            services=self.services,
            caller=self.caller,
            request_id=self.exchange.request_id,
            once=once,
        )


def answer_read(
    asked: Asked, form: Form, parameters: type[P], answer_call: Callable[[Call[P]], Answer]
) -> Answer:
    """Answer a GET: from the cache, or anew, and in any case with a tag."""
    try:
        asked.require_role(form.role)
        fields = parse_query(parameters, asked.request, form.action)
    except RefitError:
        asked.admit(Kind.READS)
        raise
    settings = asked.services.settings
    caller = asked.caller
    name = None if caller is None else entry_name(caller, settings, form.action, fields)
    admission = asked.admit(Kind.READS, name)
    if admission is not None and admission.entry is not None:
        return answer_entry(asked.request, Answer(body={}), admission.entry)
    answer = _answer(answer_call, asked.call(fields))
    if answer.status != 200:
        return answer
    entry = make_entry(answer)
    if name and admission and admission.generation and may_be_kept(entry):
        shared = asked.services.shared
        shared.keep(name, admission.generation, entry, settings.cache_seconds)
    return answer_entry(asked.request, answer, entry)


def answer_work(
    asked: Asked, form: Form, parameters: type[P], answer_call: Callable[[Call[P]], Answer]
) -> Answer:
    """Answer a POST, after which no earlier answer serves again."""
    asked.admit(Kind.TICKS if form.action == "run_schedules" else Kind.WORK)
    asked.require_role(form.role)
    body = read_body(asked.request)
    parse_query(Parameters, asked.request, form.action)
    fields = parse_body(parameters, body)
    once = read_once(asked.request, form.action, fields)
    try:
        return _answer(answer_call, asked.call(fields, once))
    finally:
        # Also where it failed: a change may have been made all the same.
        asked.services.shared.begin_generation()


def _answer(answer_call: Callable[[Call[P]], Answer], call: Call[P]) -> Answer:
    try:
        answer = answer_call(call)
    except InvalidRequest as exc:
        raise name_fields(exc, call.parameters) from exc
    if call.once is not None and call.once.replayed:
        return replace(answer, headers={**answer.headers, REPLAYED_HEADER: "true"})
    return answer
