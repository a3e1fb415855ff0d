"""Guessing the provider of an address, so that nobody has to choose it."""

from postroom.domain.errors import InvalidRequest
from postroom.ports import MailDomains, ProviderConfigStore

_LONGEST_DOMAIN = 253


def detect_provider(
    *, email: str, all_providers: bool, domains: MailDomains, configs: ProviderConfigStore
) -> str | None:
    """Return the provider of an address by the contract's name, or None when nothing tells.

    Without `all_providers` only one that has a provider config. Raises InvalidRequest.
    """
    local_part, _, domain = email.strip().rpartition("@")
    domain = domain.rstrip(".")
    if not local_part or "." not in domain or len(domain) > _LONGEST_DOMAIN:
        raise InvalidRequest("Send an e-mail address.", field="email")
    found = domains.provider_of(domain)
    configured = {config.provider.value for config in configs.all()}
    return found if all_providers or found in configured else None
