"""The providers' doorbells. Their functions have no resolver, for speed: written by hand."""

from typing import Any

from docs.openapi.errors import contract_errors

_REFUSED = contract_errors((400, 401, 403, 413, 429, 500, 503))
_LIFECYCLE_EXAMPLE = {
    "value": [
        {
            "subscriptionId": "8a6e2f0b-7c5d-4a9e-9f5b-2d1c3e4f5a6b",
            "clientState": "5e0a7c1b-9f7d-4b55-8a57-0f8f0b1f7c3e.kq3vZ0",
            "lifecycleEvent": "reauthorizationRequired",
        }
    ]
}
_CHANGE_EXAMPLE = {
    "value": [
        {
            "subscriptionId": "8a6e2f0b-7c5d-4a9e-9f5b-2d1c3e4f5a6b",
            "clientState": "5e0a7c1b-9f7d-4b55-8a57-0f8f0b1f7c3e.kq3vZ0",
            "changeType": "updated",
            "resource": "Users/1/Messages/AAMkAGI2",
        }
    ]
}


def _notifications(operation_id: str, summary: str, example: dict[str, Any]) -> dict[str, Any]:
    return {
        "post": {
            "operationId": operation_id,
            "tags": ["Pushes"],
            "summary": summary,
            "description": (
                "For Microsoft Graph. `validationToken` is answered as plain text. Each "
                "notification proves itself by its `clientState`; one that does not is passed over."
            ),
            "security": [],
            "parameters": [
                {
                    "name": "validationToken",
                    "in": "query",
                    "required": False,
                    "schema": {"type": "string", "minLength": 1, "maxLength": 4096},
                    "description": "Sent once, when Graph makes a subscription.",
                }
            ],
            "requestBody": {
                "required": False,
                "content": {
                    "application/json": {
                        "schema": {"description": "What Graph sends; nothing of it is relied on."},
                        "example": example,
                    }
                },
            },
            "responses": {
                "200": {
                    "description": "The validation token.",
                    "content": {"text/plain": {"schema": {"type": "string"}}},
                },
                "202": {"description": "Nothing has to come again."},
                **_REFUSED,
            },
        }
    }


PATHS: dict[str, Any] = {
    "/push/google": {
        "post": {
            "operationId": "push_google",
            "tags": ["Pushes"],
            "summary": "Take a push of Google's Pub/Sub",
            "description": (
                "For Pub/Sub, which shows a token that Google signed for the configured service "
                "account, with this address as its audience."
            ),
            "security": [],
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "properties": {
                                "message": {
                                    "type": "object",
                                    "properties": {"data": {"type": "string"}},
                                },
                                "subscription": {"type": "string"},
                            },
                        },
                        "example": {
                            "message": {
                                "data": "eyJlbWFpbEFkZHJlc3MiOiJhZGFAZXhhbXBsZS5jb20ifQ==",
                                "messageId": "2070443601311540",
                            },
                            "subscription": "projects/postroom/subscriptions/gmail",
                        },
                    }
                },
            },
            "responses": {"204": {"description": "Nothing has to come again."}, **_REFUSED},
        }
    },
    "/push/microsoft": _notifications(
        "push_microsoft", "Take notifications of changes", _CHANGE_EXAMPLE
    ),
    "/push/microsoft/lifecycle": _notifications(
        "push_microsoft_lifecycle", "Take notifications about subscriptions", _LIFECYCLE_EXAMPLE
    ),
}
