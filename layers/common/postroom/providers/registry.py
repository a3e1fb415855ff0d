"""Which providers there are: the only place in the system that tells them apart."""

from collections.abc import Callable, Mapping

import httpx

from postroom.domain.account import ProviderName
from postroom.domain.errors import Misconfigured, NotFound
from postroom.ports import ClientSecretVault, Clock, MailProvider, ProviderConfigStore
from postroom.providers.google.provider import Google

TransportFactory = Callable[[], httpx.BaseTransport]


class ConfiguredProviders:
    """The port `Providers` over the stored provider configs.

    `simulator_urls` replace a provider's addresses; an empty one leaves the real ones. Connections
    to a provider are kept for the life of this object.
    """

    def __init__(
        self,
        *,
        configs: ProviderConfigStore,
        client_secrets: ClientSecretVault,
        clock: Clock,
        simulator_urls: Mapping[ProviderName, str] | None = None,
        transport: TransportFactory | None = None,
    ) -> None:
        self._configs = configs
        self._client_secrets = client_secrets
        self._clock = clock
        self._simulator_urls = simulator_urls or {}
        self._transport = transport
        self._google: Google | None = None

    def get(self, provider: ProviderName) -> MailProvider:
        """Return a provider with its newest config; its client secret is read when needed."""
        if provider is not ProviderName.GOOGLE:
            raise Misconfigured(f"{provider.value} is not supported by this deployment yet")
        try:
            config = self._configs.get(provider)
        except NotFound as error:
            raise Misconfigured(f"{provider.value} has no provider config") from error
        if self._google is None:
            self._google = Google(
                clock=self._clock,
                transport=self._transport() if self._transport else None,
                simulator_url=self._simulator_urls.get(provider, ""),
            )
        return self._google.provider(config, lambda: self._client_secrets.read(provider))
