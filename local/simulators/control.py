"""The `/_sim/…` control interface, the same on every simulator."""

import json
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from local.simulators.faults import Fault
from local.simulators.generator import generate
from local.simulators.provider import (
    Change,
    Controls,
    Expirable,
    InvalidChange,
    MailboxExists,
    SimulatedProvider,
    UnknownMailbox,
)

TRUTH_PAGE_SIZE = 1000

_ROUTES = Map(
    [
        Rule("/_sim/reset", endpoint="reset", methods=["POST"]),
        Rule("/_sim/mailboxes", endpoint="create_mailbox", methods=["POST"]),
        Rule("/_sim/mailboxes", endpoint="list_mailboxes", methods=["GET"]),
        Rule("/_sim/mailboxes/<address>", endpoint="truth", methods=["GET"]),
        Rule("/_sim/mailboxes/<address>/aliases", endpoint="set_aliases", methods=["PUT"]),
        Rule("/_sim/mailboxes/<address>/messages", endpoint="deliver", methods=["POST"]),
        Rule("/_sim/mailboxes/<address>/fill", endpoint="fill", methods=["POST"]),
        Rule("/_sim/mailboxes/<address>/changes", endpoint="change", methods=["POST"]),
        Rule("/_sim/mailboxes/<address>/calls", endpoint="call", methods=["POST"]),
        Rule("/_sim/settings", endpoint="change_settings", methods=["POST"]),
        Rule("/_sim/settings", endpoint="read_settings", methods=["GET"]),
        Rule("/_sim/faults", endpoint="add_faults", methods=["POST"]),
        Rule("/_sim/faults", endpoint="clear_faults", methods=["DELETE"]),
        Rule("/_sim/expire", endpoint="expire", methods=["POST"]),
        Rule("/_sim/clock", endpoint="advance_clock", methods=["POST"]),
        Rule("/_sim/usage", endpoint="usage", methods=["GET"]),
        Rule("/_sim/pushes", endpoint="pushes", methods=["GET"]),
    ]
)


_Address = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _NewMailbox(_Body):
    address: _Address
    name: str = ""
    aliases: tuple[_Address, ...] = ()
    mail_enabled: bool = True


class _Aliases(_Body):
    aliases: tuple[_Address, ...]


class _Delivery(_Body):
    folder: str = "inbox"
    unread: bool = True
    received_at: float | None = None
    quiet: bool = False


class _Fill(_Body):
    messages: int = Field(ge=1)
    seed: int = 0
    thread_mix: dict[int, float] | None = None


class _OwnerCall(_Body):
    method: str
    path: str
    headers: dict[str, str] = Field(default_factory=dict)
    body: dict[str, Any] | None = None


class _Expiry(_Body):
    what: Expirable
    address: str | None = None


class _Advance(_Body):
    advance_seconds: float


class ControlInterface:
    """Answers control calls; they need no authentication."""

    def __init__(self, provider: SimulatedProvider, controls: Controls) -> None:
        self._provider = provider
        self._controls = controls

    def handle(self, request: Request) -> Response:
        """Answer one control call, with a one-sentence error where it makes no sense."""
        try:
            endpoint, arguments = _ROUTES.bind("simulator").match(request.path, request.method)
            method: Callable[..., Response] = getattr(self, f"_{endpoint}")
            return method(request, **arguments)
        except HTTPException as error:
            return _answer({"error": error.description}, error.code or 500)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(step) for step in first["loc"]) or "body"
            return _answer({"error": f"{where}: {first['msg']}"}, 400)
        except UnknownMailbox as error:
            return _answer({"error": f"there is no mailbox {error}"}, 404)
        except MailboxExists as error:
            return _answer({"error": f"there is a mailbox {error} already"}, 409)
        except InvalidChange as error:
            return _answer({"error": str(error)}, 400)

    def _reset(self, _request: Request) -> Response:
        self._provider.reset()
        self._controls.faults.clear()
        self._controls.usage.clear()
        self._controls.settings = self._controls.initial_settings
        return _answer({})

    def _create_mailbox(self, request: Request) -> Response:
        body = _NewMailbox.model_validate_json(request.get_data())
        self._provider.create_mailbox(
            body.address, body.name, aliases=body.aliases, mail_enabled=body.mail_enabled
        )
        return _answer(body.model_dump(), 201)

    def _set_aliases(self, request: Request, address: str) -> Response:
        body = _Aliases.model_validate_json(request.get_data())
        self._provider.set_aliases(address, body.aliases)
        return _answer(body.model_dump())

    def _list_mailboxes(self, _request: Request) -> Response:
        return _answer({"mailboxes": self._provider.mailboxes()})

    def _truth(self, request: Request, address: str) -> Response:
        page = TypeAdapter(int).validate_python(request.args.get("page", "0"))
        return _answer(self._provider.truth(address, page, TRUTH_PAGE_SIZE))

    def _deliver(self, request: Request, address: str) -> Response:
        options = _Delivery.model_validate(request.args.to_dict())
        message_id = self._provider.deliver(address, request.get_data(), **options.model_dump())
        return _answer({"id": message_id}, 201)

    def _fill(self, request: Request, address: str) -> Response:
        body = _Fill.model_validate_json(request.get_data())
        end = self._controls.clock.now()
        letters = generate(address, body.messages, body.seed, end, body.thread_mix)
        for number, made in enumerate(letters, 1):
            self._provider.deliver(
                address,
                made.raw,
                folder=made.folder,
                unread=made.unread,
                starred=made.starred,
                received_at=made.received_at,
                quiet=number < body.messages,
            )
        return _answer({"messages": body.messages}, 201)

    def _change(self, request: Request, address: str) -> Response:
        changes = TypeAdapter(list[Change]).validate_json(request.get_data())
        self._provider.change(address, changes)
        return _answer({"changed": len(changes)})

    def _call(self, request: Request, address: str) -> Response:
        """Make an API call with the owner's own client: no fault, no quota and no usage."""
        wanted = _OwnerCall.model_validate_json(request.get_data())
        token = self._provider.owner_token(address)
        headers = {**wanted.headers, "Authorization": f"Bearer {token}"}
        inner = Request.from_values(
            wanted.path, method=wanted.method, headers=headers, json=wanted.body
        )
        return self._provider.handle(inner, self._refuse_batch)

    @staticmethod
    def _refuse_batch(_request: Request) -> Response:
        return _answer({"error": "the owner's calls are made one by one"}, 400)

    def _change_settings(self, request: Request) -> Response:
        changes = TypeAdapter(dict[str, Any]).validate_json(request.get_data())
        self._controls.settings = self._controls.settings.updated(changes)
        return self._read_settings(request)

    def _read_settings(self, _request: Request) -> Response:
        return _answer(self._controls.settings.model_dump())

    def _add_faults(self, request: Request) -> Response:
        faults = TypeAdapter(list[Fault]).validate_json(request.get_data())
        self._controls.faults.add(faults)
        return _answer({"added": len(faults)}, 201)

    def _clear_faults(self, _request: Request) -> Response:
        self._controls.faults.clear()
        return _answer({})

    def _expire(self, request: Request) -> Response:
        body = _Expiry.model_validate_json(request.get_data())
        self._provider.expire(body.what, body.address)
        return _answer({})

    def _advance_clock(self, request: Request) -> Response:
        body = _Advance.model_validate_json(request.get_data())
        self._controls.clock.advance(body.advance_seconds)
        self._provider.clock_moved()
        return _answer({"now": self._controls.clock.now().timestamp()})

    def _usage(self, _request: Request) -> Response:
        return _answer(self._controls.usage.as_json())

    def _pushes(self, _request: Request) -> Response:
        return _answer({"undelivered": self._provider.pushes_undelivered()})


def _answer(body: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(body), status, mimetype="application/json")
