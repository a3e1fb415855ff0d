"""What the stack asks of its own API: its id, provider configs, accounts, and their audits."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from local.progress import StackFailed

# The first call to a function unpacks its layer and imports everything.
_FIRST_CALL_SECONDS = 60.0

_PAGE_SIZE = 200


class ApiClient:
    """The administrator's calls on a Postroom API; `log` is where its functions write."""

    def __init__(self, api_uri: str, api_key: str, log: Path) -> None:
        self._log = log
        self._client = httpx.Client(
            base_url=api_uri,
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=_FIRST_CALL_SECONDS,
            trust_env=False,
        )

    def application_id(self) -> str:
        """Read the id that applications pass as client_id."""
        answer = self._call("GET", "/v3/applications", expected=(200,))
        return str(answer.json()["data"]["application_id"])

    def ensure_provider_config(self, provider: str, settings: Mapping[str, Any]) -> None:
        """Create the provider config unless there is one; somebody may have changed it since."""
        found = self._call("GET", f"/v3/connectors/{provider}", expected=(200, 404))
        if found.status_code == 404:
            body = {"provider": provider, "settings": dict(settings)}
            self._call("POST", "/v3/connectors", expected=(200, 201), json=body)

    def accounts(self) -> list[dict[str, Any]]:
        """Return every connected account, oldest first."""
        found: list[dict[str, Any]] = []
        while True:
            path = f"/v3/grants?limit={_PAGE_SIZE}&offset={len(found)}&order_by=asc"
            page = self._call("GET", path, expected=(200,)).json()["data"]
            found += page
            if len(page) < _PAGE_SIZE:
                return found

    def ask_for_audit(self, account_id: str) -> str:
        """Have an account audited; answer why not where it cannot be."""
        answer = self._call("POST", f"/v3/grants/{account_id}/audit", expected=(202, 409))
        return "" if answer.status_code == 202 else str(answer.json()["error"]["message"])

    def audit(self, account_id: str) -> dict[str, Any]:
        """Return how far an account's audit is, and what it has found."""
        path = f"/v3/grants/{account_id}/audit"
        found: dict[str, Any] = self._call("GET", path, expected=(200,)).json()["data"]
        return found

    def _call(
        self, method: str, path: str, *, expected: tuple[int, ...], json: object = None
    ) -> httpx.Response:
        try:
            response = self._client.request(method, path, json=json)
        except httpx.HTTPError as error:
            raise StackFailed(f"The API did not answer {method} {path}: {error!r}") from error
        if response.status_code not in expected:
            raise StackFailed(
                f"The API answered {method} {path} with {response.status_code}: "
                f"{response.text[:500]}\nWhat its functions said stands in {self._log}."
            )
        return response
