"""Every environment variable that Refit reads, in one place.

``.env`` and then ``.env.local`` in the working directory are read too; the environment wins.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import ConfigurationError


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
    redis_url: SecretStr | None = Field(
        None, alias="REDIS_URL", description="Redis or Valkey address (redis:// or rediss://)."
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
    engines: str = Field(
        "",
        alias="REFIT_ENGINES",
        description="Comma-separated package.module:make_pipeline factories that may train.",
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
        pattern=r"^\S+:\d{1,5}$",
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
        raise ConfigurationError(f"{variable}: {first['msg']}.") from None
