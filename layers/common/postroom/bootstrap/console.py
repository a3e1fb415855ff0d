"""The console: its page, signing in and out, and connecting a mailbox."""

from dataclasses import dataclass
from functools import lru_cache

from postroom.bootstrap import access, aws
from postroom.bootstrap.clock import clock
from postroom.bootstrap.providers import providers
from postroom.config import settings
from postroom.domain.account import ProviderName
from postroom.domain.person import InvitationKind, Session, SignUp
from postroom.ports import (
    AccountStore,
    ApplicationStore,
    Clock,
    ConnectionStore,
    MailDomains,
    ProviderConfigStore,
    Providers,
    SyncStateStore,
)
from postroom.providers.mail_domains import KnownMailDomains
from postroom.providers.mail_servers import mail_servers
from postroom.storage.dynamodb.accounts import DynamoAccountStore
from postroom.storage.dynamodb.application import DynamoApplicationStore
from postroom.storage.dynamodb.connections import DynamoConnectionStore
from postroom.storage.dynamodb.provider_configs import DynamoProviderConfigStore
from postroom.storage.dynamodb.sync_state import DynamoSyncStateStore
from postroom.usecases.begin_connection import ConnectionStart, ConsoleSignIn, Departure, s256
from postroom.usecases.begin_connection import begin_connection as begin
from postroom.usecases.invite_people import invitation_id
from postroom.usecases.sign_in import OpenSession, SessionTools, sign_in_with_mailbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What this function works with."""

    application_id: str
    public_url: str
    upload_address: str
    undo_seconds: int
    sign_up: SignUp
    application: ApplicationStore
    configs: ProviderConfigStore
    providers: Providers
    accounts: AccountStore
    domains: MailDomains
    connections: ConnectionStore
    sync_states: SyncStateStore
    sessions: SessionTools
    clock: Clock

    @property
    def return_address(self) -> str:
        """Where one comes back to from connecting a mailbox."""
        return f"{self.public_url}/console/connected"

    def begin_connection(
        self,
        *,
        provider: ProviderName,
        email: str,
        state: str,
        code_verifier: str,
        session: Session | None,
        invitation: str,
    ) -> Departure:
        """Send a browser to the provider's consent page. Raises InvalidRequest."""
        link = invitation_id(InvitationKind.LINK, invitation) if invitation else ""
        return begin(
            start=ConnectionStart(
                client_id=self.application_id,
                redirect_uri=self.return_address,
                provider=provider,
                state=state,
                login_hint=email,
                code_challenge=s256(code_verifier),
                code_challenge_method="S256",
                console=ConsoleSignIn(
                    person_id=session.person_id if session else None,
                    by_administrator=session is not None and session.key is not None,
                    invitation_id=link,
                ),
            ),
            application_id=self.application_id,
            callback_url=f"{self.public_url}/v3/connect/callback",
            application=self.application,
            configs=self.configs,
            providers=self.providers,
            accounts=self.accounts,
            domains=self.domains,
            connections=self.connections,
            clock=self.clock,
        )

    def sign_in(self, *, code: str, code_verifier: str, replaced: str) -> OpenSession:
        """Open the session of whoever has come back. Raises ConnectionRefused."""
        return sign_in_with_mailbox(
            code=code,
            code_verifier=code_verifier,
            redirect_uri=self.return_address,
            replaced=replaced,
            accounts=self.accounts,
            connections=self.connections,
            tools=self.sessions,
        )


@lru_cache
def services() -> Services:
    """Wire the function."""
    return Services(
        application_id=settings().application_id,
        public_url=aws.public_url(),
        upload_address=aws.upload_address(),
        undo_seconds=settings().undo_seconds,
        sign_up=settings().sign_up,
        application=DynamoApplicationStore(aws.table()),
        configs=DynamoProviderConfigStore(aws.table()),
        providers=providers(),
        accounts=DynamoAccountStore(aws.table()),
        domains=KnownMailDomains(mail_servers),
        connections=DynamoConnectionStore(aws.table()),
        sync_states=DynamoSyncStateStore(aws.table(), clock),
        sessions=access.session_tools(),
        clock=clock,
    )
