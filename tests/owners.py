"""Owners of mailboxes at work in other clients: what they do to folders and drafts.

Each provider's own API does it, past all faults and quotas; a story names what is done.
"""

import base64
from email import message_from_bytes
from typing import Any, Protocol

import httpx

from postroom.domain.account import ProviderName
from tests.world import Simulator


class Refused(Exception):
    """The provider does not do it: a name is taken, a folder is its own, a thing is gone."""


class Owner(Protocol):
    """What any owner can do. Ids are the provider's; all raise Refused."""

    def create_folder(self, name: str, parent: str | None = None) -> str:
        """Make a folder, inside another one if that is named; answers its id."""

    def rename_folder(self, folder: str, name: str) -> None:
        """Give a folder another name."""

    def move_folder(self, folder: str, parent: str | None) -> None:
        """Put a folder with all that it holds into another one, or on top."""

    def delete_folder(self, folder: str) -> None:
        """Delete a folder as people do with one click."""

    def purge_folder(self, folder: str) -> None:
        """Delete a folder for good."""

    def edit_draft(self, message: str, subject: str) -> None:
        """Write another subject over a draft."""

    def send_draft(self, message: str) -> None:
        """Send a draft."""

    def mime(self, message: str) -> bytes:
        """Download a message."""


def owner_of(address: str, simulator: Simulator) -> Owner:
    """Return the owner of a mailbox."""
    if simulator.provider is ProviderName.MICROSOFT:
        return _OutlookOwner(address, simulator)
    return _GmailOwner(address, simulator)


class _OutlookOwner:
    def __init__(self, address: str, simulator: Simulator) -> None:
        self._address = address
        self._simulator = simulator

    def create_folder(self, name: str, parent: str | None = None) -> str:
        path = f"mailFolders/{parent}/childFolders" if parent else "mailFolders"
        return str(self._call("POST", path, {"displayName": name})["id"])

    def rename_folder(self, folder: str, name: str) -> None:
        self._call("PATCH", f"mailFolders/{folder}", {"displayName": name})

    def move_folder(self, folder: str, parent: str | None) -> None:
        body = {"destinationId": parent or "msgfolderroot"}
        self._call("POST", f"mailFolders/{folder}/move", body)

    def delete_folder(self, folder: str) -> None:
        self._call("DELETE", f"mailFolders/{folder}")

    def purge_folder(self, folder: str) -> None:
        self._call("POST", f"mailFolders/{folder}/permanentDelete", {})

    def edit_draft(self, message: str, subject: str) -> None:
        self._call("PATCH", f"messages/{message}", {"subject": subject})

    def send_draft(self, message: str) -> None:
        self._call("POST", f"messages/{message}/send", {})

    def mime(self, message: str) -> bytes:
        path = f"/v1.0/me/messages/{message}/$value"
        return _answer(self._simulator, self._address, "GET", path).content

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return _call(self._simulator, self._address, method, f"/v1.0/me/{path}", body)


class _GmailOwner:
    """Folders are labels, one in another by its name; a draft that is edited is replaced."""

    def __init__(self, address: str, simulator: Simulator) -> None:
        self._address = address
        self._simulator = simulator

    def create_folder(self, name: str, parent: str | None = None) -> str:
        return str(self._call("POST", "labels", {"name": self._inside(parent, name)})["id"])

    def rename_folder(self, folder: str, name: str) -> None:
        above = self._name(folder).rpartition("/")[0]
        self._call("PATCH", f"labels/{folder}", {"name": f"{above}/{name}" if above else name})

    def move_folder(self, folder: str, parent: str | None) -> None:
        name = self._name(folder).rpartition("/")[2]
        self._call("PATCH", f"labels/{folder}", {"name": self._inside(parent, name)})

    def delete_folder(self, folder: str) -> None:
        self._call("DELETE", f"labels/{folder}")

    def purge_folder(self, folder: str) -> None:
        self.delete_folder(folder)

    def edit_draft(self, message: str, subject: str) -> None:
        draft = self._draft(message)
        raw = self._call("GET", f"drafts/{draft}?format=raw")["message"]["raw"]
        written = message_from_bytes(base64.urlsafe_b64decode(raw))
        del written["Subject"]
        written["Subject"] = subject
        raw = base64.urlsafe_b64encode(written.as_bytes()).decode()
        self._call("PUT", f"drafts/{draft}", {"message": {"raw": raw}})

    def send_draft(self, message: str) -> None:
        self._call("POST", "drafts/send", {"id": self._draft(message)})

    def mime(self, message: str) -> bytes:
        raw = self._call("GET", f"messages/{message}?format=raw")["raw"]
        return base64.urlsafe_b64decode(raw)

    def _draft(self, message: str) -> str:
        listed = self._call("GET", "drafts?includeSpamTrash=true").get("drafts", [])
        for draft in listed:
            if draft["message"]["id"] == message:
                return str(draft["id"])
        raise Refused(f"{message} is no draft")

    def _inside(self, parent: str | None, name: str) -> str:
        return f"{self._name(parent)}/{name}" if parent else name

    def _name(self, folder: str) -> str:
        return str(self._call("GET", f"labels/{folder}")["name"])

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        path = f"/gmail/v1/users/me/{path}"
        return _call(self._simulator, self._address, method, path, body)


def _call(
    simulator: Simulator, address: str, method: str, path: str, body: dict[str, Any] | None
) -> Any:
    answer = _answer(simulator, address, method, path, body)
    return answer.json() if answer.content else None


def _answer(
    simulator: Simulator, address: str, method: str, path: str, body: dict[str, Any] | None = None
) -> httpx.Response:
    answer = simulator.owner_call(address, method=method, path=path, body=body)
    if not answer.is_success:
        raise Refused(answer.text)
    return answer
