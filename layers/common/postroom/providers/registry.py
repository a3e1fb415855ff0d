"""Which providers there are: the only place in the system that tells them apart.

Each is imported by whoever comes to it: most calls of a function are for one account, and a cold
start need not load the provider of the others.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import httpx

from postroom.domain.account import ProviderName
from postroom.domain.errors import Misconfigured, NotFound
from postroom.ports import ClientSecretVault, Clock, MailProvider, ProviderConfigStore

if TYPE_CHECKING:
    from postroom.providers.google.provider import Google
    from postroom.providers.microsoft.provider import Microsoft


class ConfiguredProviders:
    """The port `Providers` over the stored provider configs.

    A simulator's address replaces all of a provider's; a missing or empty one leaves the real ones.
    Connections to a provider are kept for the life of this object.
    """

    def __init__(
        self,
        *,
        configs: ProviderConfigStore,
        client_secrets: ClientSecretVault,
        clock: Clock,
        simulator_urls: Mapping[ProviderName, str],
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._configs = configs
        self._client_secrets = client_secrets
        self._clock = clock
        self._simulator_urls = simulator_urls
        self._transport = transport

    def get(self, provider: ProviderName, registration_id: str = "") -> MailProvider:
        """Return a provider with its newest config; its client secret is read when needed."""
        try:
            config = self._configs.get(provider)
            if registration_id:
                config = config.presenting(self._configs.registration(provider, registration_id))
        except NotFound as error:
            raise Misconfigured(str(error)) from error
        service: Google | Microsoft
        match provider:
            case ProviderName.GOOGLE:
                service = self._google
            case ProviderName.MICROSOFT:
                service = self._microsoft
        return service.provider(
            config, lambda: self._client_secrets.read(provider, registration_id)
        )

    @cached_property
    def _google(self) -> "Google":
        from postroom.providers.google.provider import Google

        return Google(
            clock=self._clock,
            transport=self._transport,
            simulator_url=self._simulator_urls.get(ProviderName.GOOGLE, ""),
        )

    @cached_property
    def _microsoft(self) -> "Microsoft":
        from postroom.providers.microsoft.provider import Microsoft

        return Microsoft(
            clock=self._clock,
            transport=self._transport,
            simulator_url=self._simulator_urls.get(ProviderName.MICROSOFT, ""),
        )
