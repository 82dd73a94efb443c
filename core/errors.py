"""Every error that Refit raises on purpose.

One root, :class:`RefitError`. A class carries the HTTP status and the problem type (RFC 9457)
that a caller sees; the mapping to a response happens in :mod:`core.web` alone, and the mapping
from a database error in :mod:`core.database`. A message names the thing that is wrong;
``hint`` says how to mend it.
"""

from __future__ import annotations

from typing import Any, ClassVar


class RefitError(Exception):
    """Something went wrong that a person can understand and mend."""

    status: ClassVar[int] = 500
    problem: ClassVar[str] = "internal"
    title: ClassVar[str] = "Refit could not do this"
    # Whether trying the very same thing again may help (a lost connection, not a bad column).
    transient: ClassVar[bool] = False

    def __init__(
        self, message: str, *, hint: str | None = None, errors: list[dict[str, Any]] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.errors = errors or []

    def __str__(self) -> str:
        if not self.hint:
            return self.message
        # A message may end in somebody's own words, such as the reason of a rollback.
        stop = "" if self.message.endswith((".", "!", "?", ":")) else "."
        return f"{self.message}{stop} {self.hint}"


class ConfigurationError(RefitError):
    """A setting is missing or makes no sense; the message names the variable."""

    problem = "configuration"
    title = "The configuration is incomplete"


class InvalidRequest(RefitError):
    """A request, argument or setting has a value that cannot be taken."""

    status = 422
    problem = "invalid_request"
    title = "The request is not valid"


class UnknownModelType(InvalidRequest):
    """No model type has this name."""

    problem = "unknown_model_type"


class IdempotencyKeyReused(InvalidRequest):
    """An Idempotency-Key was sent with another body before."""

    problem = "idempotency_key_reused"


class Unauthenticated(RefitError):
    """No credentials, or credentials that are wrong, expired or revoked."""

    status = 401
    problem = "unauthenticated"
    title = "Credentials are missing or wrong"


class InvalidToken(Unauthenticated):
    """A user token that is expired, another project's, or not one at all."""

    problem = "invalid_token"


class SignInLinkNotValid(Unauthenticated):
    """A one-time sign-in link that was opened before, has expired, or was never made."""

    problem = "sign_in_link_not_valid"


class SignInRefused(Unauthenticated):
    """Supabase does not let somebody in; ``reason`` says why, for pages in any language."""

    problem = "sign_in_refused"

    def __init__(self, message: str, *, reason: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class Forbidden(RefitError):
    """The caller's role does not allow this."""

    status = 403
    problem = "forbidden"
    title = "Your role does not allow this"


class NotFound(RefitError):
    """The thing that was asked for does not exist."""

    status = 404
    problem = "not_found"
    title = "Not found"


class MethodNotAllowed(RefitError):
    """The action exists, under another HTTP method."""

    status = 405
    problem = "method_not_allowed"
    title = "Wrong HTTP method"

    def __init__(self, message: str, *, allow: str) -> None:
        super().__init__(message)
        self.allow = allow


class Conflict(RefitError):
    """The state of things does not allow this now."""

    status = 409
    problem = "conflict"
    title = "The current state does not allow this"


class IllegalTransition(Conflict):
    """A job, operation, model or deployment cannot go from its state to the wished one."""

    problem = "illegal_transition"


class StaleValidation(Conflict):
    """The champion changed after the validation; validate the model again."""

    problem = "stale_validation"


class NotApproved(Conflict):
    """The model has no approving validation for this environment."""

    problem = "not_approved"


class Quarantined(Conflict):
    """The model was rolled back and may not serve again."""

    problem = "quarantined"


class LeaseLost(Conflict):
    """Another worker holds this work now; whatever was computed here is refused."""

    problem = "lease_lost"


class PayloadTooLarge(RefitError):
    """The body is over one mebibyte."""

    status = 413
    problem = "payload_too_large"
    title = "The body is too large"


class TooManyRequests(RefitError):
    """One sender asked more often than the limit allows."""

    status = 429
    problem = "too_many_requests"
    title = "Too many requests"
    transient = True

    def __init__(self, message: str, *, retry_after_s: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class DatabaseUnavailable(RefitError):
    """The database did not answer; nothing is half done, and what was asked may be done or not."""

    status = 503
    problem = "database_unavailable"
    title = "The database is away"
    transient = True


class QueueUnavailable(RefitError):
    """Redis or Valkey did not answer; the database still holds the work."""

    status = 503
    problem = "queue_unavailable"
    title = "The queue is away"
    transient = True


class UpstreamFailed(RefitError):
    """A program that Refit hands work to, such as n8n, could not be reached or refused it."""

    status = 502
    problem = "upstream_failed"
    title = "Another program did not do its part"


class SigningKeysUnavailable(RefitError):
    """Supabase's public keys could not be fetched, so no user token can be verified."""

    status = 503
    problem = "signing_keys_unavailable"
    title = "User tokens cannot be verified now"
    transient = True


class SignInUnavailable(RefitError):
    """The Supabase project did not answer, so nobody can sign in with it now."""

    status = 503
    problem = "sign_in_unavailable"
    title = "Signing in with Supabase does not work now"
    transient = True


class DataError(RefitError):
    """The training data cannot be used as it is: a relation, a column, a target, a permission."""

    status = 422
    problem = "data"
    title = "The data cannot be used"


class ArtifactError(RefitError):
    """A stored model is missing, damaged, or holds types that are not trusted."""

    problem = "artifact"
    title = "The stored model cannot be used"


class ArtifactStoreUnavailable(ArtifactError):
    """The artifact store did not answer; trying again later may help."""

    status = 503
    problem = "artifact_store_unavailable"
    title = "The artifact store is away"
    transient = True


class EmbeddedServerError(RefitError):
    """A local server that Refit starts itself did not start or stop."""

    problem = "embedded_server"
    title = "A local server failed"


class TrainingFailed(RefitError):
    """The training child ended without a result: its time, its memory, or the engine."""

    problem = "training_failed"
    title = "The training failed"

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        errors: list[dict[str, Any]] | None = None,
        child_traceback: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, errors=errors)
        # For logs alone: where in the child it happened. Callers are shown the message.
        self.child_traceback = child_traceback


class JobCancelled(RefitError):
    """A person asked that this work stops."""

    problem = "cancelled"
    title = "Cancelled"
