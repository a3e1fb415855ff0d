"""Looking whether a provider config can work, before anybody tries to sign in with it.

A provider is asked to trade a code that it never gave. Whether it says so, or does not know the
client, tells whether id, secret and tenant are right; nothing else about a client can be asked.
"""

from collections.abc import Mapping, Sequence

from postroom.domain.account import ProviderName
from postroom.domain.errors import ConfigFlaw, ConnectionRefused, Misconfigured
from postroom.domain.ids import new_token
from postroom.domain.provider_config import ConfigProblem
from postroom.ports import ApplicationStore, ProviderConfigStore, Providers

_FLAWS: Mapping[str, ConfigFlaw] = {
    "access_denied": ConfigFlaw.NOT_ALLOWED,
    "account_not_allowed": ConfigFlaw.NOT_ALLOWED,
    "admin_consent_required": ConfigFlaw.NOT_ALLOWED,
    "provider_misconfigured": ConfigFlaw.REGISTRATION_REFUSED,
}
"""What it means for the config that a provider refuses a sign-in."""


def verify_provider_config(
    *,
    provider: ProviderName,
    callback_url: str,
    configs: ProviderConfigStore,
    providers: Providers,
    application: ApplicationStore,
) -> Sequence[ConfigProblem]:
    """Return what is wrong; nothing when people can connect mailboxes.

    The client is the one that new connections use. Raises NotFound, and Retryable when the provider
    gives no answer.
    """
    config = configs.get(provider)
    problems = []
    try:
        providers.get(provider, config.active_registration_id).exchange_code(
            code=new_token(),
            redirect_uri=callback_url,
            code_verifier=new_token(),
            nonce=new_token(),
        )
    except ConnectionRefused as refusal:
        if refusal.reason != "code_invalid":
            flaw = _FLAWS.get(refusal.reason, ConfigFlaw.OTHER)
            problems.append(ConfigProblem(flaw=flaw, sentence=str(refusal)))
    except Misconfigured as problem:
        problems.append(
            ConfigProblem(
                flaw=problem.flaw, sentence=str(problem), provider_code=problem.provider_code
            )
        )
    if not application.redirect_uris():
        problems.append(
            ConfigProblem(
                flaw=ConfigFlaw.NO_RETURN_ADDRESS,
                sentence="No return address is registered: nobody can be sent back to your "
                "application.",
            )
        )
    return problems
