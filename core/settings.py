"""Every environment variable that Refit reads, in one place.

``.env`` and then ``.env.local`` in the working directory are read too; the environment wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import ConfigurationError
from core.retention import DEFAULT_DAYS, parse_retention

# What is shorter can be guessed from any cookie that it sealed.
_SHORTEST_SESSION_SECRET = 32
_RATE = r"^[1-9][0-9]{0,8}/(second|minute|hour|day)$"


def default_home() -> Path:
    """The user's data folder for Refit, after the XDG base directory specification."""
    import os

    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "refit"


class Settings(BaseSettings):
    """What a person may configure. Names are the ecosystem's where it has one, else REFIT_…"""

    model_config = SettingsConfigDict(env_file=(".env", ".env.local"), extra="ignore", frozen=True)

    # The ecosystem's names -----------------------------------------------------------------
    database_url: SecretStr | None = Field(
        None, alias="DATABASE_URL", description="PostgreSQL address; workers always need it."
    )
    supabase_url: str | None = Field(
        None, alias="SUPABASE_URL", description="The Supabase project's address."
    )
    supabase_secret_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("SUPABASE_SECRET_KEY", "SUPABASE_SERVICE_ROLE_KEY"),
        description="The project's secret key, sb_secret_…: functions without DATABASE_URL and "
        "refit users need it.",
    )
    supabase_publishable_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("SUPABASE_PUBLISHABLE_KEY", "SUPABASE_ANON_KEY"),
        description="The project's publishable key, sb_publishable_…: functions without "
        "DATABASE_URL send it beside a user's token.",
    )
    supabase_jwt_secret: SecretStr | None = Field(
        None,
        alias="SUPABASE_JWT_SECRET",
        # A shorter one can be guessed from any token that it signed.
        min_length=32,
        description="Only for projects that still sign user tokens with the legacy secret.",
    )
    redis_url: SecretStr | None = Field(
        None, alias="REDIS_URL", description="Redis or Valkey address (redis:// or rediss://)."
    )
    slack_webhook_url: SecretStr | None = Field(
        None,
        alias="SLACK_WEBHOOK_URL",
        description="Slack's incoming webhook, or another that takes its messages; after # what "
        "it wants to hear: docs/notifications.md.",
    )
    email_smtp_config: SecretStr | None = Field(
        None,
        alias="EMAIL_SMTP_CONFIG",
        description="Mail server, sender and readers: "
        "smtps://USER:PASSWORD@HOST:465/?from=ADDRESS&to=ADDRESS; after # what they want to hear.",
    )
    dashboard_url: str | None = Field(
        None,
        alias="DASHBOARD_URL",
        pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$",
        description="Where people reach the dashboard, such as https://refit.example.org; "
        "notifications link to it.",
    )
    n8n_webhook_url: SecretStr | None = Field(
        None,
        alias="N8N_WEBHOOK_URL",
        description="Webhook of your n8n workflow: the dashboard's manual trigger goes there, and "
        "callbacks may go to its host.",
    )
    n8n_webhook_auth: SecretStr | None = Field(
        None,
        alias="N8N_WEBHOOK_AUTH",
        description="The header that the webhook of your n8n workflow asks for, such as "
        "X-Refit-Webhook: a-long-secret.",
    )
    api_base_url: str | None = Field(
        None,
        alias="API_BASE_URL",
        pattern=r"^https?://\S+$",
        description="Where callers reach the functions, such as http://localhost:3000/api.",
    )
    port: int = Field(3000, alias="PORT", ge=0, le=65535, description="Port of the functions.")
    log_level: str = Field(
        "INFO",
        alias="LOG_LEVEL",
        pattern="(?i)^(debug|info|warning|error|critical)$",
        description="DEBUG, INFO, WARNING, ERROR or CRITICAL.",
    )

    # Our own -------------------------------------------------------------------------------
    home: Path = Field(
        default_factory=default_home,
        alias="REFIT_HOME",
        description="Folder of the embedded servers and of local artifacts.",
    )
    environment: str = Field(
        "production",
        alias="REFIT_ENVIRONMENT",
        pattern="^(development|staging|production)$",
        description="Environment that requests mean when they name none.",
    )
    artifacts_url: str | None = Field(
        None,
        alias="REFIT_ARTIFACTS_URL",
        description="Where models are stored: file:///… or s3://bucket/prefix.",
    )
    s3_endpoint_url: str | None = Field(
        None, alias="REFIT_S3_ENDPOINT_URL", description="For S3-compatible stores."
    )
    webhook_secret: SecretStr | None = Field(
        None,
        alias="REFIT_WEBHOOK_SECRET",
        description="What workers sign callbacks with: whsec_ and 24 to 64 bytes in base64.",
    )
    session_secret: SecretStr | None = Field(
        None,
        alias="REFIT_SESSION_SECRET",
        description="What the dashboard's sign-in cookies are sealed with: 32 characters or more; "
        "several between commas to change it, the new one first.",
    )
    webhook_allowed_hosts: str = Field(
        "",
        alias="REFIT_WEBHOOK_ALLOWED_HOSTS",
        description="Comma-separated hosts that callbacks may go to though they are not public.",
    )
    notify_urls: SecretStr | None = Field(
        None,
        alias="REFIT_NOTIFY_URLS",
        description="Further channels, Apprise addresses between blanks such as tgram://…; after "
        "# of each what it wants to hear.",
    )
    digest: str = Field(
        "0 8 * * 1",
        alias="REFIT_DIGEST",
        description="When channels that want it are told of the week: a cron expression; empty: "
        "never.",
    )
    digest_time_zone: str = Field(
        "UTC",
        alias="REFIT_DIGEST_TIME_ZONE",
        description="By whose clock REFIT_DIGEST goes, such as Europe/Amsterdam.",
    )
    engines: str = Field(
        "",
        alias="REFIT_ENGINES",
        description="Comma-separated package.module:make_pipeline factories that may train.",
    )
    metrics: str = Field(
        "",
        alias="REFIT_METRICS",
        description="Comma-separated package.module:name metrics of your own that may judge.",
    )
    trusted_types: str = Field(
        "",
        alias="REFIT_TRUSTED_TYPES",
        description="Comma-separated types that artifacts of your own engines may hold.",
    )
    worker_threads: int = Field(
        2, alias="REFIT_WORKER_THREADS", ge=1, le=64, description="Jobs at once per process."
    )
    worker_poll_ms: int = Field(
        1000,
        alias="REFIT_WORKER_POLL_MS",
        ge=100,
        le=60_000,
        description="How long a worker waits for a message; higher costs fewer Redis commands.",
    )
    metrics_address: str | None = Field(
        None,
        alias="REFIT_METRICS_ADDRESS",
        description="Where this process shows its figures to Prometheus, such as 127.0.0.1:9191; "
        "not set: nowhere. Nobody is asked for credentials there.",
    )
    training_threads: int = Field(
        # On busy cores threads that wait for each other make a fit many times slower; alone on
        # idle ones they gain little below some 100,000 rows.
        1,
        alias="REFIT_TRAINING_THREADS",
        ge=1,
        le=256,
        description="OpenMP and BLAS threads of one training; more pay off on idle cores "
        "and hundreds of thousands of rows.",
    )
    training_time_limit_s: int = Field(
        3600, alias="REFIT_TRAINING_TIME_LIMIT_S", ge=1, description="Seconds a training may take."
    )
    training_memory_limit_mb: int = Field(
        8192, alias="REFIT_TRAINING_MEMORY_LIMIT_MB", ge=256, description="MiB a training may use."
    )
    rate_limit_reads: str = Field(
        "600/minute",
        alias="REFIT_RATE_LIMIT_READS",
        pattern=_RATE,
        description="How often one key or user may read: NUMBER/second, minute, hour or day.",
    )
    rate_limit_work: str = Field(
        "120/minute",
        alias="REFIT_RATE_LIMIT_WORK",
        pattern=_RATE,
        description="How often one key or user may ask for work or change something.",
    )
    rate_limit_failures: str = Field(
        "120/minute",
        alias="REFIT_RATE_LIMIT_FAILURES",
        pattern=_RATE,
        description="How often one address may send wrong credentials, to each process; a proxy "
        "counts as one address.",
    )
    cache_seconds: float = Field(
        2,
        alias="REFIT_CACHE_SECONDS",
        ge=0,
        le=60,
        description="How long the answer to a read serves again; 0: never. Changes made through "
        "the functions are seen at once.",
    )
    cors_origins: str = Field(
        "",
        alias="REFIT_CORS_ORIGINS",
        pattern=r"^$|^https?://[^\s/,*]+(,https?://[^\s/,*]+)*$",
        description="Comma-separated origins whose pages may ask the functions, such as "
        "https://app.example.org; none when empty.",
    )
    retention: str = Field(
        "",
        alias="REFIT_RETENTION_DAYS",
        description="Comma-separated TABLE=DAYS (or TABLE=forever) where a table's rows are to be "
        f"kept otherwise than {', '.join(f'{t}={d}' for t, d in DEFAULT_DAYS.items())}.",
    )

    @field_validator("session_secret")
    @classmethod
    def _session_secrets_are_long(cls, given: SecretStr | None) -> SecretStr | None:
        secrets = given.get_secret_value().split(",") if given else []
        if any(len(secret.strip()) < _SHORTEST_SESSION_SECRET for secret in secrets):
            raise ValueError(
                f"each secret must have {_SHORTEST_SESSION_SECRET} characters or more; "
                "openssl rand -hex 32 makes one"
            )
        return given

    @field_validator("retention")
    @classmethod
    def _retention_makes_sense(cls, given: str) -> str:
        parse_retention(given)
        return given

    @property
    def retention_days(self) -> Mapping[str, int]:
        """How many days each table's rows are kept; what is kept for ever is not in it."""
        return parse_retention(self.retention)

    @field_validator(
        "supabase_url",
        "supabase_secret_key",
        "supabase_publishable_key",
        "supabase_jwt_secret",
        "session_secret",
        "slack_webhook_url",
        "email_smtp_config",
        "dashboard_url",
        "notify_urls",
        mode="before",
    )
    @classmethod
    def _nothing_is_not_set(cls, given: object) -> object:
        """Containers pass a variable that their host lacks as an empty one."""
        return None if given == "" else given

    def require_database_url(self) -> str:
        """DATABASE_URL, or an error that names it."""
        if self.database_url is None:
            raise ConfigurationError(
                "DATABASE_URL is not set.",
                hint="Set it to your PostgreSQL or Supabase address, or use `refit up`, "
                "which starts a local database.",
            )
        return self.database_url.get_secret_value()

    def require_redis_url(self) -> str:
        """REDIS_URL, or an error that names it."""
        if self.redis_url is None:
            raise ConfigurationError(
                "REDIS_URL is not set.",
                hint="Set it to your Redis or Valkey address, or use `refit up`, "
                "which starts a local one.",
            )
        return self.redis_url.get_secret_value()

    def require_session_secrets(self) -> tuple[str, ...]:
        """REFIT_SESSION_SECRET's secrets, the one to seal with first, or an error that names it."""
        if self.session_secret is None:
            raise ConfigurationError(
                "REFIT_SESSION_SECRET is not set.",
                hint="Set it to 32 random characters or more (openssl rand -hex 32 makes them), "
                "the same for every process of functions; `refit up` makes one.",
            )
        secrets = self.session_secret.get_secret_value().split(",")
        return tuple(secret.strip() for secret in secrets)

    def require_artifacts_url(self) -> str:
        """REFIT_ARTIFACTS_URL, or an error that names it."""
        if self.artifacts_url is None:
            raise ConfigurationError(
                "REFIT_ARTIFACTS_URL is not set.",
                hint="Set it to file:///some/folder or s3://bucket/prefix.",
            )
        return self.artifacts_url


@cache
def get_settings() -> Settings:
    """The process's settings, read once on first use.

    Raises
    ------
    ConfigurationError
        When a variable has a value that it cannot have; it is named, its value is not shown.
    """
    try:
        return Settings()
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False)[0]
        variable = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"{variable}: {message}.") from None
