"""The environment of every function, read once: all that `template.yaml` sets, and no more."""

from functools import lru_cache
from typing import Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from postroom.domain.person import SignUp


class Settings(BaseSettings):
    """What a deployment decides. A missing variable stops the function at its start."""

    model_config = SettingsConfigDict(env_prefix="POSTROOM_", frozen=True)

    table_name: str = Field(min_length=3)
    bucket_name: str = Field(min_length=3)
    sync_queue_url: str = Field(min_length=1)
    backfill_queue_url: str = Field(min_length=1)
    send_queue_url: str = Field(min_length=1)
    send_queue_arn: str = Field(min_length=1)
    send_dead_letter_queue_arn: str = Field(min_length=1)
    send_schedule_group: str = Field(min_length=1)
    send_schedule_role_arn: str = Field(min_length=1)
    """With it a schedule puts a call into the queue of sends."""
    event_queue_url: str = Field(min_length=1)
    webhook_retry_seconds: int = Field(ge=1, le=180)
    """How long a delivery that failed waits for its second attempt; the third waits longer."""
    local_webhook_host: str
    """The local stack's own machine, which its webhooks may be on; empty everywhere else."""
    undo_seconds: int = Field(ge=0, le=900)
    """How long a send waits before it leaves; at most what a queue can hold back."""
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
    sign_up: SignUp
    """Who may become a person of the console by connecting a mailbox."""
    google_simulator_url: str
    microsoft_simulator_url: str
    """These replace all of a provider's hosts; they are empty in every real deployment."""
    gmail_units_per_minute: int = Field(ge=1_000)
    """What Gmail allows for each mailbox. A batch has to fit into the part that backfills have."""
    gmail_units_per_day: NonNegativeInt
    """What the Google project may use for all mailboxes; 0: as much as it likes."""
    poll_interval_seconds: PositiveInt
    """How long an account may go unseen that no provider rings for."""
    silent_poll_interval_seconds: PositiveInt
    """The same with a watch, whose pushes may be dropped or late all the same."""

    @model_validator(mode="after")
    def _keep_webhooks_out_of_a_real_deployment(self) -> Self:
        # Only the local stack speaks plain http. On Lambda, this machine is Lambda's inside.
        if self.local_webhook_host and not self.public_url.startswith("http://"):
            raise ValueError("LocalWebhookHost is for the local stack only: leave it empty")
        return self


@lru_cache
def settings() -> Settings:
    """Return this function's settings. Raises pydantic.ValidationError naming what is missing."""
    return Settings.model_validate({})
