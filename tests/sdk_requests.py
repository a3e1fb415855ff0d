"""What callers of the official SDKs may say, by the types of the SDKs, and what reads it here."""

from collections.abc import Collection, Iterator, Mapping

from pydantic import AliasChoices, BaseModel, ValidationError

from postroom.domain.errors import InvalidRequest
from postroom.web.schemas.accounts import (
    CustomGrantIn,
    DetectionQuery,
    GrantChangeIn,
    GrantListQuery,
)
from postroom.web.schemas.application import (
    AdditionalSettingsIn,
    ApplicationChangeIn,
    BrandingIn,
    CallbackUriIn,
    HostedAuthenticationIn,
    IdpSettingsIn,
    RedirectSettings,
    RedirectUriChangeIn,
    RedirectUriIn,
)
from postroom.web.schemas.attachments import AttachmentQuery
from postroom.web.schemas.drafts import DraftIn, DraftListQuery, DraftQuery
from postroom.web.schemas.folders import FolderIn, FolderListQuery, FolderQuery, NewFolderIn
from postroom.web.schemas.messages import (
    CleaningIn,
    MessageChangeIn,
    MessageListQuery,
    MessageQuery,
)
from postroom.web.schemas.oauth import AuthQuery, TokenIn
from postroom.web.schemas.provider_configs import (
    ConnectorChangeIn,
    ConnectorIn,
    ConnectorListQuery,
    CredentialChangeIn,
    CredentialDataIn,
    CredentialIn,
    CredentialListQuery,
    SettingsIn,
)
from postroom.web.schemas.sending import SendBody, SendQuery
from postroom.web.schemas.threads import ThreadChangeIn, ThreadListQuery, ThreadQuery
from postroom.web.schemas.uploads import UploadIn
from postroom.web.schemas.webhooks import WebhookChangeIn, WebhookIn
from postroom.web.schemas.writing import AttachmentIn, HeaderIn

READ_BY: Mapping[str, type[BaseModel]] = {
    # The application, its return addresses, connectors and credentials
    "UpdateApplicationRequest": ApplicationChangeIn,
    "UpdateApplicationRedirectUriRequest": CallbackUriIn,
    "WritableAdditionalSettings": AdditionalSettingsIn,
    "AdditionalSettings": AdditionalSettingsIn,
    "WritableBranding": BrandingIn,
    "Branding": BrandingIn,
    "UpdateBranding": BrandingIn,
    "WritableHostedAuthentication": HostedAuthenticationIn,
    "HostedAuthentication": HostedAuthenticationIn,
    "WritableIdpSettings": IdpSettingsIn,
    "IdpSettings": IdpSettingsIn,
    "CreateRedirectUriRequest": RedirectUriIn,
    "UpdateRedirectUriRequest": RedirectUriChangeIn,
    "WritableRedirectUriSettings": RedirectSettings,
    "RedirectUriSettings": RedirectSettings,
    "BaseCreateConnectorRequest": ConnectorIn,
    "GoogleCreateConnectorRequest": ConnectorIn,
    "GoogleCreateConnectorSettings": SettingsIn,
    "MicrosoftCreateConnectorRequest": ConnectorIn,
    "MicrosoftCreateConnectorSettings": SettingsIn,
    "CreateConnectorRequest": ConnectorIn,
    "UpdateConnectorRequest": ConnectorChangeIn,
    "ListConnectorQueryParams": ConnectorListQuery,
    "ListConnectorsQueryParams": ConnectorListQuery,
    "CredentialRequest": CredentialIn,
    "CreateCredentialRequest": CredentialIn,
    "CreateMicrosoftCredentialRequest": CredentialIn,
    "MicrosoftAdminConsentSettings": CredentialDataIn,
    "CreateOverrideCredentialRequest": CredentialIn,
    "UpdateCredentialRequest": CredentialChangeIn,
    "ListCredentialQueryParams": CredentialListQuery,
    "ListCredentialsQueryParams": CredentialListQuery,
    # Connecting, and grants
    "URLForAuthenticationConfig": AuthQuery,
    "URLForAdminConsentConfig": AuthQuery,
    "CodeExchangeRequest": TokenIn,
    "TokenExchangeRequest": TokenIn,
    "ProviderDetectParams": DetectionQuery,
    "CreateGrantRequest": CustomGrantIn,
    "CreateCustomAuthenticationGrantRequest": CustomGrantIn,
    "UpdateGrantRequest": GrantChangeIn,
    "ListGrantsQueryParams": GrantListQuery,
    # Mail
    "ListMessagesQueryParams": MessageListQuery,
    "FindMessageQueryParams": MessageQuery,
    "UpdateMessageRequest": MessageChangeIn,
    "CleanMessagesRequest": CleaningIn,
    "ListThreadsQueryParams": ThreadListQuery,
    "FindThreadQueryParams": ThreadQuery,
    "UpdateThreadRequest": ThreadChangeIn,
    "ListFolderQueryParams": FolderListQuery,
    "FindFolderQueryParams": FolderQuery,
    "CreateFolderRequest": NewFolderIn,
    "UpdateFolderRequest": FolderIn,
    "ListDraftsQueryParams": DraftListQuery,
    "FindDraftQueryParams": DraftQuery,
    "CreateDraftRequest": DraftIn,
    "UpdateDraftRequest": DraftIn,
    "SendMessageRequest": SendBody,
    "SendMessageQueryParams": SendQuery,
    "CustomHeader": HeaderIn,
    "CreateAttachmentRequest": AttachmentIn,
    "FindAttachmentQueryParams": AttachmentQuery,
    "DownloadAttachmentQueryParams": AttachmentQuery,
    "CreateAttachmentUploadSessionRequest": UploadIn,
    # Webhooks
    "CreateWebhookRequest": WebhookIn,
    "UpdateWebhookRequest": WebhookChangeIn,
}
"""Each type of a request, and the model that reads it."""

LEFT_OUT: Mapping[str, str] = {
    "TrackingOptions": "refused as a whole, in `tracking_options`",
    "SendRawMimeRequest": "a part of a form, `mime`, and no fields",
    "ImapCreateConnectorRequest": "of providers that Postroom does not connect",
    "VirtualCalendarsCreateConnectorRequest": "of providers that Postroom does not connect",
    "CreateAgentAccountRequest": "of mailboxes that Nylas itself would hold",
    "CreateAgentAccountSettings": "of mailboxes that Nylas itself would hold",
    "CreateGoogleCredentialRequest": "service accounts: `credential_type` is refused",
}
"""Types of requests that nothing reads field by field, and why."""

WRITTEN_AS: Mapping[str, str] = {
    "grantStatus": "grant_status",
    "orderBy": "order_by",
    "sortBy": "sort_by",
    "smtp_required": "options",
}
"""What an SDK itself writes otherwise than its callers."""


def known_fields(model: type[BaseModel]) -> Iterator[str]:
    """Return every name by which a model takes its fields."""
    for name, field in model.model_fields.items():
        yield name
        yield field.alias or name
        if isinstance(field.validation_alias, AliasChoices):
            yield from (str(each) for each in field.validation_alias.choices)


def unknown_fields(requests: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return the fields that a caller may say and nothing here reads, by the SDK's types."""
    found: dict[str, set[str]] = {}
    for request, fields in requests.items():
        if request not in LEFT_OUT:
            known = set(known_fields(READ_BY[request]))
            unknown = {each for each in fields if WRITTEN_AS.get(each, each) not in known}
            found |= {request: unknown} if unknown else {}
    return found


def unserved_values(
    requests: Mapping[str, Mapping[str, Collection[str]]],
) -> dict[tuple[str, str], set[str]]:
    """Return the values that an SDK's types let a caller say and a model does not know.

    A value is known when it is served, or refused in a sentence of its own.
    """
    found: dict[tuple[str, str], set[str]] = {}
    for request, fields in requests.items():
        for field, values in fields.items() if request not in LEFT_OUT else ():
            name = WRITTEN_AS.get(field, field)
            unknown = {each for each in values if not _knows(READ_BY[request], name, each)}
            found |= {(request, field): unknown} if unknown else {}
    return found


def _knows(model: type[BaseModel], name: str, value: str) -> bool:
    """Whether a value means something in a field, alone or in a list."""
    for said in (value, [value]):
        try:
            model.model_validate({name: said})
        except InvalidRequest as refused:
            return bool(refused.field) and str(refused.field).startswith(name)
        except ValidationError as refused:
            kinds = {each["type"] for each in refused.errors() if each["loc"][:1] == (name,)}
            if not kinds or "value_error" in kinds:
                return True
        else:
            return True
    return False
