"""The environment of every function, read once: all that `template.yaml` sets, and no more."""

from functools import lru_cache

from pydantic import Field, PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What a deployment decides. A missing variable stops the function at its start."""

    model_config = SettingsConfigDict(env_prefix="POSTROOM_", frozen=True)

    table_name: str = Field(min_length=3)
    bucket_name: str = Field(min_length=3)
    sync_queue_url: str = Field(min_length=1)
    backfill_queue_url: str = Field(min_length=1)
    send_queue_url: str = Field(min_length=1)
    public_url: str
    """Where the deployment is reached from outside; empty: see `public_url_parameter`."""
    public_url_parameter: str = Field(min_length=1)
    """The SSM parameter that holds the API's own address when `public_url` is empty."""
    application_id: str = Field(min_length=1)
    """Also the `client_id` of the OAuth endpoints."""
    admin_key_secret: str = Field(min_length=1)
    signing_key_secret: str = Field(min_length=1)
    secret_prefix: str = Field(min_length=1)
    """Ends with a slash; the secrets that functions make stand below it."""
    google_simulator_url: str
    """Replaces all of the provider's hosts; empty in every real deployment."""
    poll_interval_seconds: PositiveInt
    """How long an account without a push may go unseen."""


@lru_cache
def settings() -> Settings:
    """Return this function's settings. Raises pydantic.ValidationError naming what is missing."""
    return Settings.model_validate({})
