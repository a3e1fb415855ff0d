"""Which providers there are: the only place in the system that tells them apart."""

import httpx

from postroom.domain.account import ProviderName
from postroom.domain.errors import Misconfigured, NotFound
from postroom.ports import ClientSecretVault, Clock, MailProvider, ProviderConfigStore
from postroom.providers.google.provider import Google


class ConfiguredProviders:
    """The port `Providers` over the stored provider configs.

    A simulator's address replaces all of a provider's; an empty one leaves the real ones.
    Connections to a provider are kept for the life of this object.
    """

    def __init__(
        self,
        *,
        configs: ProviderConfigStore,
        client_secrets: ClientSecretVault,
        clock: Clock,
        google_simulator_url: str = "",
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._configs = configs
        self._client_secrets = client_secrets
        self._clock = clock
        self._google_simulator_url = google_simulator_url
        self._transport = transport
        self._google: Google | None = None

    def get(self, provider: ProviderName) -> MailProvider:
        """Return a provider with its newest config; its client secret is read when needed."""
        if provider is not ProviderName.GOOGLE:
            raise Misconfigured(f"This deployment does not support {provider.value} yet.")
        try:
            config = self._configs.get(provider)
        except NotFound as error:
            raise Misconfigured(f"There is no connector for {provider.value}.") from error
        if self._google is None:
            self._google = Google(
                clock=self._clock,
                transport=self._transport,
                simulator_url=self._google_simulator_url,
            )
        return self._google.provider(config, lambda: self._client_secrets.read(provider))
