"""Where artifacts are kept: a folder or an S3 bucket, from the two settings that name it."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

from core.errors import ConfigurationError

if TYPE_CHECKING:
    from obstore.store import ClientConfig, LocalStore, RetryConfig, S3Config, S3Store


def open_location(url: str, *, endpoint_url: str | None = None) -> LocalStore | S3Store:
    """The obstore store behind a ``file:///…`` or ``s3://bucket/prefix`` address.

    Parameters
    ----------
    url
        The value of ``REFIT_ARTIFACTS_URL``. A folder is created when it is missing.
    endpoint_url
        The value of ``REFIT_S3_ENDPOINT_URL``, for stores that speak S3 but are not AWS.
        Credentials come from the usual AWS variables. Plain http only to this machine.

    Raises
    ------
    ConfigurationError
        An address is malformed, holds credentials, or would send them unencrypted.
    """
    parts = _split(url, "REFIT_ARTIFACTS_URL")
    if parts.scheme == "file":
        return _folder(parts)
    if parts.scheme == "s3":
        return _bucket(parts, endpoint_url)
    raise ConfigurationError(
        f"REFIT_ARTIFACTS_URL has the scheme {parts.scheme or '(none)'}.",
        hint="Use file:///some/folder or s3://bucket/prefix.",
    )


def _split(url: str, variable: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # a malformed one is found by reading it
    except ValueError:
        # The address itself stays out of the message: it may hold a password.
        raise ConfigurationError(f"{variable} is not a valid address.") from None
    if "@" in parts.netloc:
        raise ConfigurationError(
            f"{variable} holds credentials.",
            hint="Give them as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        )
    return parts


def _folder(parts: SplitResult) -> LocalStore:
    from obstore.store import LocalStore

    if parts.netloc not in {"", "localhost"} or not parts.path.startswith("/"):
        raise ConfigurationError(
            "REFIT_ARTIFACTS_URL is not the address of a folder on this machine.",
            hint="Write an absolute path after three slashes: file:///some/folder.",
        )
    path = unquote(parts.path)
    try:
        return LocalStore(prefix=path, mkdir=True)
    except OSError as exc:
        raise ConfigurationError(
            f"The artifact folder {path} cannot be made: {exc}.",
            hint="Set REFIT_ARTIFACTS_URL to a folder that this user may write to.",
        ) from exc


def _bucket(parts: SplitResult, endpoint_url: str | None) -> S3Store:
    from obstore.store import S3Store

    if not parts.netloc:
        raise ConfigurationError(
            "REFIT_ARTIFACTS_URL names no bucket.", hint="Write s3://bucket/prefix."
        )
    # Uploads of large models take their time; an unreachable store should be told soon.
    client: ClientConfig = {
        "timeout": timedelta(minutes=10),
        "connect_timeout": timedelta(seconds=5),
        "allow_http": False,
    }
    retries: RetryConfig = {"max_retries": 3, "retry_timeout": timedelta(seconds=60)}
    config: S3Config = {"bucket": parts.netloc}
    if endpoint_url is not None:
        config["endpoint"] = _endpoint(endpoint_url)
        # Self-hosted stores and Supabase Storage know buckets by path, not by host name.
        config["virtual_hosted_style_request"] = False
        client["allow_http"] = endpoint_url.startswith("http:")
    prefix = parts.path.strip("/") or None
    return S3Store(prefix=prefix, config=config, client_options=client, retry_config=retries)


def _endpoint(url: str) -> str:
    parts = _split(url, "REFIT_S3_ENDPOINT_URL")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(
            "REFIT_S3_ENDPOINT_URL is not an https address.", hint="Write https://host/path."
        )
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ConfigurationError(
            f"REFIT_S3_ENDPOINT_URL would send models to {parts.hostname} unencrypted.",
            hint="Use https; plain http is for this machine only.",
        )
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
