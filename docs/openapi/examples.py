"""Examples of all that is sent and answered, by its model; a test holds them to their schemas."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Example = dict[str, Any]

_ID = r"^[A-Za-z0-9_-]{1,200}$"
_ATTACHMENT_ID = r"^[A-Za-z0-9_-]{1,1000}$"  # Outlook's names of parts are some 200 long themselves
_GRANT = "3f1c7a52-0d4e-4b7e-9a3c-5a1f6f0c2d11"
_MESSAGE = "q0W8s3l1Zr5Vt7bXy2Na4Kc6Dee"
_THREAD = "T9mQ2v7Xc4Lb1Zs8Kd3Hf6Jg5Np"
_ATTACHMENT = "q0W8s3l1Zr5Vt7bXy2Na4Kc6Dee_1"
_CLIENT_ID = "1017-postroom.apps.googleusercontent.com"
_APPLICATION = "6f1f3f5e-8a3c-4d27-9d2c-0f6c1a7b9e11"
_CALLBACK = "https://mail.example.com/v3/connect/callback"
_PROBLEM = {
    "code": "client_refused",
    "message": "Google does not accept the client id or the client secret",
    "provider_code": "invalid_client",
}
_ADA = {"name": "Ada Lovelace", "email": "ada@example.com"}
_CHARLES = {"name": "Charles Babbage", "email": "charles@example.org"}
_MODIFY = "https://www.googleapis.com/auth/gmail.modify"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter that stands in several routes."""

    example: str | int | tuple[str, ...]
    about: str
    pattern: str = _ID
    choices: tuple[str, ...] = ()

    def in_path(self) -> Example:
        """Return its description as a part of a path."""
        choices = {"enum": list(self.choices)}
        schema = {"type": "string", **(choices if self.choices else {"pattern": self.pattern})}
        return {"description": self.about, "schema": schema, "example": self.example}


PARAMETERS: Mapping[str, Parameter] = {
    "grant_id": Parameter(
        _GRANT,
        "The account's id, its address, or `me` with an access token.",
        r"^[A-Za-z0-9_.+@-]{1,254}$",
    ),
    "message_id": Parameter(_MESSAGE, "The message's id."),
    "thread_id": Parameter(_THREAD, "The thread's id."),
    "draft_id": Parameter("D5xK1w9Rb7Ty3Mh8Qe2Ua6Vo4Zi", "The draft's id."),
    "folder_id": Parameter("INBOX", "The folder's id."),
    "attachment_id": Parameter(
        _ATTACHMENT, "The attachment's id, which names the message too.", pattern=_ATTACHMENT_ID
    ),
    "schedule_id": Parameter("8c5f0a2e7d1b4c3f9e6a", "The schedule's id."),
    "provider": Parameter("google", "The provider.", choices=("google", "microsoft")),
    "credential_id": Parameter("x2Vw7Qk9Lm4Tz1Rb", "The credential's id."),
    "redirect_uri_id": Parameter("b7Jd3Xs8Pn1Qv6Hc", "The return address's id."),
    "api_key_id": Parameter("k4Gf9Zt2Wm7Yb5Nd", "The key's id."),
    "invitation_id": Parameter("n3Pq8Sd5Xv1Yk7Jb2Mw4Tz6Rc", "The invitation's id."),
    "webhook_id": Parameter("w6Rc1Vp8Xq3Ls7Kj", "The webhook's id."),
    # Of queries: who else says something says it at the field of the model.
    "email": Parameter("ada@example.com", "An address."),
    "client_id": Parameter(_APPLICATION, "The application's id."),
    "redirect_uri": Parameter(
        "https://app.example.com/connected", "A registered return address, exactly."
    ),
    "limit": Parameter(10, "How many at most."),
    "offset": Parameter(0, "How many to pass over."),
    "page_token": Parameter("", "The `next_cursor` of the page before."),
    "select": Parameter(("id", "subject"), "The fields that are wanted; none: all."),
    "fields": Parameter("standard", "What a message is shown with."),
    "subject": Parameter("engine", "A part of the subject, in any case."),
    "any_email": Parameter(("ada@example.com",), "Who wrote it or got it: any of these."),
    "from": Parameter(("ada@example.com",), "Who wrote it: any of these."),
    "to": Parameter(("ada@example.com",), "Who got it: any of these."),
    "cc": Parameter(("ada@example.com",), "Who got a copy: any of these."),
    "bcc": Parameter(("ada@example.com",), "Who got a blind copy: any of these."),
    "in": Parameter(("INBOX",), "The id of a folder."),
    "unread": Parameter("true", "Unread ones, or read ones."),
    "starred": Parameter("true", "Starred ones, or the others."),
    "has_attachment": Parameter("true", "Those with files, or without."),
    "received_before": Parameter(1795305600, "Earlier than this, in Unix seconds."),
    "received_after": Parameter(1735689600, "Later than this, in Unix seconds."),
    "metadata_pair": Parameter("order:4711", "A key and a value of the metadata."),
    "search_query_native": Parameter("engine", "A search in the provider's own language."),
    "type": Parameter("json", "`mime`: the message comes as a whole, in a form's part `mime`."),
    "hard_delete": Parameter("false", "For good, and not into the trash."),
    "response_type": Parameter("code", "`code`, or `adminconsent` for a whole organisation."),
    "access_type": Parameter("offline", "`offline`: a refresh token comes too."),
    "state": Parameter("order-4711", "Comes back as it is."),
    "login_hint": Parameter("ada@example.com", "The address to sign in with."),
    "scope": Parameter("", "Any of the scopes that the connector asks for."),
    "code_challenge": Parameter("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "RFC 7636."),
    "code_challenge_method": Parameter("S256", "RFC 7636: `S256` or `plain`."),
    "prompt": Parameter("select_provider", "`select_provider` shows the choice of a provider."),
    "code": Parameter("4/0example", "What the provider gives for a consent."),
    "error": Parameter("access_denied", "Why the provider gives nothing."),
    "error_description": Parameter("", "The same, in words."),
    "token": Parameter("rt_example", "The access or refresh token to end."),
    "id_token": Parameter("", "An id token to tell about."),
    "access_token": Parameter("", "An access token to tell about."),
    "all_provider_types": Parameter("false", "Also providers that have no connector."),
    "sort_by": Parameter("created_at", "By when it was made, or changed."),
    "order_by": Parameter("desc", "`desc`: the newest first."),
    "grant_status": Parameter("valid", "`invalid`: the owner has to give consent again."),
    "earliest_message_date": Parameter(1735689600, "Those that began then or later."),
    "latest_message_before": Parameter(1795305600, "Whose newest message is earlier."),
    "latest_message_after": Parameter(1735689600, "Whose newest message is later."),
    "remote_pictures": Parameter("true", "With the pictures that the mail loads from elsewhere."),
    "since": Parameter(1735689600, "Made at this time or later, in Unix seconds."),
    "before": Parameter(1795305600, "Made earlier than this, in Unix seconds."),
}
"""By their names."""

HEADERS: Mapping[str, Example] = {
    "Idempotency-Key": {
        "description": (
            "The same key with the same request gives the same answer for 30 days, and is done "
            "once; with another request it is 409."
        ),
        "schema": {"type": "string", "maxLength": 256, "pattern": "^[ -~]*$"},
        "example": "order-4711-confirmation",
    },
    "Idempotent-Response": {
        "description": "`true` where an earlier answer is repeated.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Location": {"description": "Where it goes on.", "schema": {"type": "string"}},
}

_GRANT_EXAMPLE = {
    "id": _GRANT,
    "provider": "google",
    "grant_status": "valid",
    "email": "ada@example.com",
    "name": "Ada Lovelace",
    "scope": ["openid", _MODIFY],
    "provider_user_id": "108221563210452",
    "created_at": 1795305600,
    "updated_at": 1795305600,
    "sync": {
        "state": "synced",
        "stored": 1203,
        "total_estimate": 1203,
        "oldest_stored_at": 1262304000,
        "synced_at": 1795305844,
        "watch_expires_at": 1795910400,
    },
}
_COUNTS = {
    "provider_count": 1203,
    "stored_count": 1203,
    "drift": 1,
    "repaired": 1,
    "uncounted": 0,
    "state": "repaired",
    "looked_at": 1795305844,
}
_CONNECTOR = {
    "provider": "google",
    "name": "Google",
    "settings": {"client_id": _CLIENT_ID},
    "scope": ["openid", _MODIFY],
    "redirect_uri": _CALLBACK,
    "created_at": 1795305600,
    "updated_at": 1795305600,
}
_CONNECTOR_SETTINGS = {"client_id": _CLIENT_ID, "client_secret": "GOCSPX-example"}
_ATTACHMENT_EXAMPLE = {
    "id": _ATTACHMENT,
    "grant_id": _GRANT,
    "filename": "notes.pdf",
    "content_type": "application/pdf",
    "size": 48213,
    "content_id": "",
    "is_inline": False,
    "content_disposition": "attachment",
}
_REDIRECT_URI = {
    "id": "b7Jd3Xs8Pn1Qv6Hc",
    "url": "https://app.example.com/connected",
    "platform": "web",
    "settings": {},
}
_FOLDER = {
    "id": "Label_12",
    "grant_id": _GRANT,
    "object": "folder",
    "name": "Work/Invoices",
    "system_folder": False,
    "child_count": 0,
    "unread_count": 2,
    "total_count": 31,
    "attributes": [],
}
_WEBHOOK = {
    "id": "w6Rc1Vp8Xq3Ls7Kj",
    "description": "New mail",
    "trigger_types": ["message.created"],
    "webhook_url": "https://app.example.com/hooks/mail",
    "webhook_secret": "Zk3vQ9example",
    "status": "active",
    "notification_email_addresses": ["ops@example.com"],
    "compressed_delivery": False,
    "status_updated_at": 1795305600,
    "created_at": 1795305600,
    "updated_at": 1795305600,
}

_MESSAGE_EXAMPLE = {
    "id": _MESSAGE,
    "grant_id": _GRANT,
    "object": "message",
    "thread_id": _THREAD,
    "subject": "Notes on the engine",
    "from": [_CHARLES],
    "to": [_ADA],
    "cc": [],
    "bcc": [],
    "reply_to": [],
    "date": 1795305600,
    "created_at": 1795305600,
    "unread": True,
    "starred": False,
    "snippet": "Please find my notes attached.",
    "folders": ["INBOX", "UNREAD"],
    "categories": [],
    "attachments": [_ATTACHMENT_EXAMPLE],
    "body": "<p>Please find my notes attached.</p>",
}
EXAMPLES: Mapping[str, Example] = {
    "ApiDocumentOut": {
        "openapi": "3.1.0",
        "info": {"title": "Postroom", "version": "0.1.0"},
        "paths": {},
        "components": {},
    },
    "HealthOut": {"status": "ok", "version": "0.1.0"},
    # ------------------------------------------------------------------------------- connecting
    "TokenIn": {
        "grant_type": "authorization_code",
        "client_id": _APPLICATION,
        "client_secret": "pk_example",
        "code": "bM9fZ1example",
        "redirect_uri": "https://app.example.com/connected",
    },
    "TokenOut": {
        "access_token": "at_example",
        "id_token": "eyJhbGciOiJIUzI1NiJ9.e30.c2ln",
        "token_type": "Bearer",
        "expires_in": 3600,
        "refresh_token": "rt_example",
        "grant_id": _GRANT,
        "email": "ada@example.com",
        "provider": "google",
        "scope": f"openid {_MODIFY}",
        "request_id": "5f1a3c1e-9d5e-4d6f-8a58-0d3c7a1f2b44",
    },
    "RevokeIn": {"token": "rt_example"},
    "TokenInfoOut": {
        "iss": "https://mail.example.com",
        "aud": _APPLICATION,
        "sub": _GRANT,
        "email": "ada@example.com",
        "iat": 1795305600,
        "exp": 1795309200,
    },
    "CustomGrantIn": {
        "provider": "google",
        "settings": {"refresh_token": "1//0example"},
        "scope": [_MODIFY],
        "state": "order-4711",
    },
    "DetectionOut": {
        "email_address": "ada@example.com",
        "detected": True,
        "provider": "google",
    },
    # ----------------------------------------------------------------------------------- grants
    "GrantOut": _GRANT_EXAMPLE,
    "GrantChangeIn": {"settings": {"refresh_token": "1//0example"}, "scope": [_MODIFY]},
    "SyncRequestIn": {"mode": "incremental"},
    "SyncRequestOut": {"grant_id": _GRANT, "mode": "incremental"},
    "AuditOut": {
        "grant_id": _GRANT,
        "state": "done",
        "asked_at": 1795305600,
        "began_at": 1795305600,
        "finished_at": 1795305844,
        "all_mail": _COUNTS,
        "folders": [{"folder_id": "INBOX", "name": "INBOX", **_COUNTS}],
    },
    # ------------------------------------------------------------------------------- connectors
    "ConnectorIn": {
        "provider": "google",
        "name": "Google",
        "settings": _CONNECTOR_SETTINGS,
        "scope": ["openid", _MODIFY],
    },
    "ConnectorChangeIn": {"settings": {"client_secret": "GOCSPX-rotated"}},
    "ConnectorOut": _CONNECTOR,
    "CredentialIn": {
        "name": "Second client",
        "credential_type": "connector",
        "credential_data": _CONNECTOR_SETTINGS,
    },
    "CredentialChangeIn": {"name": "Spare client"},
    "CredentialOut": {
        "id": "x2Vw7Qk9Lm4Tz1Rb",
        "name": "Second client",
        "credential_type": "connector",
        "created_at": 1795305600,
        "updated_at": 1795305600,
    },
    "VerificationOut": {
        "provider": "google",
        "works": False,
        "problems": [_PROBLEM["message"]],
        "details": [_PROBLEM],
        "redirect_uri": _CALLBACK,
    },
    # ------------------------------------------------------------------------------ application
    "ApplicationChangeIn": {
        "branding": {"name": "Analytical Mail", "website_url": "https://app.example.com"},
        "callback_uris": [{"url": "https://app.example.com/connected", "platform": "web"}],
    },
    "ApplicationOut": {
        "application_id": _APPLICATION,
        "organization_id": _APPLICATION,
        "region": "self-hosted",
        "environment": "production",
        "branding": {"name": "Analytical Mail", "website_url": "https://app.example.com"},
        "callback_uris": [_REDIRECT_URI],
    },
    "RedirectUriIn": {"url": "https://app.example.com/connected", "platform": "web"},
    "RedirectUriChangeIn": {"url": "https://app.example.com/back"},
    "RedirectUriOut": _REDIRECT_URI,
    "ApiKeyIn": {"name": "Importer", "scopes": ["grants.read", "mail.read"]},
    "ApiKeyOut": {
        "id": "k4Gf9Zt2Wm7Yb5Nd",
        "name": "Importer",
        "scopes": ["grants.read", "mail.read"],
        "created_at": 1795305600,
        "api_key": "pk_example",
    },
    "MessageViewOut": {
        "id": "q0W8s3l1Zr5Vt7bXy2Na4Kc6Dee",
        "grant_id": "3f1c7a52-0d4e-4b7e-9a3c-5a1f6f0c2d11",
        "object": "message_view",
        "text": [
            {"text": "How are you?", "is_quoted": False},
            {"text": "> Fine, and you?", "is_quoted": True},
        ],
        "has_remote_pictures": False,
        "has_inline_pictures": False,
        "shown_attachment_ids": [],
    },
    # ----------------------------------------------------------------------------------- people
    "InvitationIn": {"kind": "domain", "value": "example.com"},
    "InvitationOut": {
        "id": "n3Pq8Sd5Xv1Yk7Jb2Mw4Tz6Rc",
        "kind": "domain",
        "value": "example.com",
        "created_at": 1795305600,
    },
    "ConsolePersonOut": {
        "id": "0d3c7a1f-9d5e-4d6f-8a58-5f1a3c1e2b44",
        "mailboxes": [
            {
                "grant_id": "3f1c7a52-0d4e-4b7e-9a3c-5a1f6f0c2d11",
                "email": "ada@example.com",
                "provider": "google",
            }
        ],
        "since": 1795305600,
    },
    # --------------------------------------------------------------------------------- webhooks
    "WebhookIn": {
        "trigger_types": ["message.created"],
        "webhook_url": "https://app.example.com/hooks/mail",
        "description": "New mail",
    },
    "WebhookChangeIn": {"status": "pause"},
    "WebhookOut": _WEBHOOK,
    "DeliveryOut": {
        "event_id": "Nv3hY8k1Qm5Zs2Lr7Wd0Xt4Bc6J",
        "type": "grant.expired",
        "grant_id": _GRANT,
        "event_at": 1795253400,
        "attempt": 2,
        "attempted_at": 1795253521,
        "state": "retrying",
        "status_code": 503,
        "duration_ms": 184,
    },
    "RemovalOut": {"status": "success"},
    "IpAddressesOut": {"ip_addresses": [], "updated_at": 0},
    # ------------------------------------------------------------------------------------- mail
    "MessageOut": _MESSAGE_EXAMPLE,
    "MessageChangeIn": {"unread": False, "folders": ["INBOX", "Label_12"]},
    "RawMessageOut": {
        "id": _MESSAGE,
        "grant_id": _GRANT,
        "object": "message",
        "raw_mime": "U3ViamVjdDogTm90ZXMNCg0KSGVsbG8=",
    },
    "FolderOut": _FOLDER,
    "FolderIn": {"name": "Work/Paid", "background_color": "#16a766", "text_color": "#ffffff"},
    "NewFolderIn": {"name": "Work/Invoices"},
    "AttachmentOut": _ATTACHMENT_EXAMPLE,
    "UploadIn": {
        "filename": "scans.pdf",
        "content_type": "application/pdf",
        "size": 20971520,
    },
    "UploadOut": {
        "attachment_id": "u7Kd2Zs9Qm4Xb1Vt8Ye3Wp6Rc5N",
        "grant_id": _GRANT,
        "method": "PUT",
        "url": "https://bucket.s3.amazonaws.com/uploads/3f1c7a52/x7?X-Amz-Signature=example",
        "headers": {"content-type": "application/pdf", "content-length": "20971520"},
        "url_expires_at": "2026-11-21T12:15:00Z",
        "expires_at": "2026-11-22T12:00:00Z",
        "max_size": 26214400,
        "size": 20971520,
        "content_type": "application/pdf",
        "filename": "scans.pdf",
    },
    "UploadReadyOut": {
        "attachment_id": "u7Kd2Zs9Qm4Xb1Vt8Ye3Wp6Rc5N",
        "grant_id": _GRANT,
        "status": "ready",
    },
    "SendBody": {
        "to": [_CHARLES],
        "subject": "Re: Notes on the engine",
        "body": "<p>Thank you!</p>",
        "reply_to_message_id": _MESSAGE,
    },
    "CleaningIn": {"message_id": [_MESSAGE], "ignore_images": True},
    "CleanMessageOut": {**_MESSAGE_EXAMPLE, "conversation": "<p>Please find my notes.</p>"},
    "ThreadOut": {
        "id": _THREAD,
        "grant_id": _GRANT,
        "object": "thread",
        "subject": "Notes on the engine",
        "snippet": "Please find my notes attached.",
        "participants": [_CHARLES, _ADA],
        "folders": ["INBOX", "UNREAD"],
        "categories": [],
        "message_ids": [_MESSAGE],
        "draft_ids": [],
        "unread": True,
        "starred": False,
        "has_attachments": True,
        "has_drafts": False,
        "earliest_message_date": 1795305600,
        "latest_message_received_date": 1795305600,
        "latest_draft_or_message": _MESSAGE_EXAMPLE,
    },
    "ThreadChangeIn": {"unread": False},
    "DraftIn": {
        "to": [_CHARLES],
        "subject": "Re: Notes on the engine",
        "body": "<p>Thank you!</p>",
        "reply_to_message_id": _MESSAGE,
    },
    "DraftOut": {
        **_MESSAGE_EXAMPLE,
        "id": "D5xK1w9Rb7Ty3Mh8Qe2Ua6Vo4Zi",
        "object": "draft",
        "from": [_ADA],
        "to": [_CHARLES],
        "folders": ["DRAFT"],
        "unread": False,
    },
    "DraftSendIn": {},
    "SentOut": _MESSAGE_EXAMPLE,
    "WaitingOut": {
        "grant_id": _GRANT,
        "object": "message",
        "schedule_id": "8c5f0a2e7d1b4c3f9e6a",
        "send_at": 1795392000,
        "subject": "Re: Notes on the engine",
        "from": [_ADA],
        "to": [_CHARLES],
        "cc": [],
        "bcc": [],
        "reply_to": [],
    },
    "ScheduleOut": {
        "schedule_id": "8c5f0a2e7d1b4c3f9e6a",
        "status": {"code": "pending", "description": "It waits for its time."},
    },
    "ScheduleStoppedOut": {"message": "The send was called back."},
}
