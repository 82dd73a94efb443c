"""Handing a person's request for a retraining to the n8n workflow, instead of starting it here.

Only what a person asks for goes this way, and only when N8N_WEBHOOK_URL is set; events never do.
"""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Mapping, Sequence

from core import __version__
from core.errors import ConfigurationError, InvalidRequest, UpstreamFailed
from core.settings import Settings
from core.webhooks.addresses import resolve
from core.webhooks.exchange import Exchange, ExchangeFailed
from core.webhooks.urls import CallbackUrl

TIME_LIMIT_S = 10.0
_URL, _AUTH = "N8N_WEBHOOK_URL", "N8N_WEBHOOK_AUTH"
# As RFC 9110 has them: a token, and visible ASCII with blanks inside.
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([!-~](?:[ -~]*[!-~])?)[ \t]*")
_NOT_PUBLISHED = (
    f"Publish the workflow in n8n, and let {_URL} be its production address, "
    "which ends in /webhook/ml-retraining."
)
_MEND = {
    401: f"{_AUTH} must be what the credential of the workflow's Manual Webhook says.",
    403: f"{_AUTH} must be what the credential of the workflow's Manual Webhook says.",
    404: _NOT_PUBLISHED,
    405: _NOT_PUBLISHED,
}


def hand_over(
    settings: Settings,
    *,
    model_types: Sequence[str] | None,
    force: bool,
    requested_by: str,
    environment: str | None,
) -> None:
    """Start the n8n workflow; it has taken the request when this returns.

    Parameters
    ----------
    settings : Settings
        Its ``n8n_webhook_url`` and ``n8n_webhook_auth`` are used; neither is ever shown.
    model_types : sequence of str, optional
        What to retrain; None: all enabled ones.
    force : bool
        Retrain though the champion is healthy.
    requested_by : str
        Who asks, as the job's reason is to name them.
    environment : str, optional
        None: the one that n8n's Config node names, else Refit's own.

    Raises
    ------
    ConfigurationError
        N8N_WEBHOOK_URL is not set, or one of the two variables makes no sense.
    UpstreamFailed
        n8n could not be reached within ten seconds, or refused.
    """
    url, headers = _address(settings), _headers(settings)
    body = json.dumps(
        {
            "model_types": None if model_types is None else list(model_types),
            "force": force,
            "requested_by": requested_by,
            "environment": environment,
        }
    )
    status = _post(url, headers, body.encode())
    if 200 <= status <= 299:
        return
    hint = _MEND.get(status, "n8n's log says why.")
    if 300 <= status <= 399:
        hint = f"Redirects are not followed: name the address that it leads to in {_URL}."
    raise UpstreamFailed(f"n8n at {url.origin} answered {status}; nothing was started.", hint=hint)


def _post(url: CallbackUrl, headers: Mapping[str, str], body: bytes) -> int:
    deadline = time.monotonic() + TIME_LIMIT_S
    exchange = Exchange(tls=ssl.create_default_context())
    try:
        addresses = resolve(url.host, url.port)
        return exchange.post(url, addresses, headers=headers, body=body, deadline=deadline).status
    except ExchangeFailed as exc:
        reason = str(exc)
    except OSError:
        reason = "Its name cannot be resolved."
    # Not as its cause: an error of the system may repeat the address.
    raise UpstreamFailed(
        f"n8n at {url.origin} cannot be reached. {reason}",
        hint="See in n8n's executions whether the workflow has started before you ask again.",
    ) from None


def _address(settings: Settings) -> CallbackUrl:
    if settings.n8n_webhook_url is None:
        raise ConfigurationError(
            f"{_URL} is not set.", hint="It is the address of the workflow's Manual Webhook."
        )
    try:
        return CallbackUrl.parse(settings.n8n_webhook_url.get_secret_value())
    except InvalidRequest as exc:
        raise ConfigurationError(f"{_URL}: {exc.message}") from None


def _headers(settings: Settings) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "User-Agent": f"refit/{__version__}"}
    if settings.n8n_webhook_auth is not None:
        found = _HEADER.fullmatch(settings.n8n_webhook_auth.get_secret_value())
        if found is None:
            raise ConfigurationError(
                f"{_AUTH} is no header.", hint="It must look like `X-Refit-Webhook: a-long-secret`."
            )
        headers[found[1]] = found[2]
    return headers
