"""Who may push in Gmail's name, and what a push says."""

import base64
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws, jwt
from joserfc.jwk import RSAKey

from postroom.domain.account import ProviderName
from postroom.domain.errors import (
    Forbidden,
    InvalidRequest,
    PostroomError,
    Retryable,
    Unauthenticated,
)
from postroom.domain.push import AddressPush, PushRequest
from postroom.providers.google.endpoints import endpoints
from postroom.providers.google.push import Download, GooglePushReader, PublishedKeys
from tests.builders import NOW
from tests.fakes import FixedClock
from tests.unit.providers.id_token_making import (
    KEY,
    NEXT_KEY,
    OTHER_KEY,
    published,
    signed,
    unsigned,
)

AUDIENCE = "https://postroom.example/push/google"
SERVICE_ACCOUNT = "push@postroom-mail.iam.gserviceaccount.com"
NOW_SECONDS = int(NOW.timestamp())
CLAIMS = {
    "iss": "https://accounts.google.com",
    "aud": AUDIENCE,
    "sub": "1089",
    "email": SERVICE_ACCOUNT,
    "email_verified": True,
    "iat": NOW_SECONDS,
    "exp": NOW_SECONDS + 3_600,
}


class Certificates:
    """The address where the keys are published; it counts who asks."""

    def __init__(self, *keys: RSAKey) -> None:
        self.keys = [*keys]
        self.cache_control = "public, max-age=20000, must-revalidate, no-transform"
        self.content: bytes | None = None
        self.is_down = False
        self.asked: list[str] = []

    def __call__(self, address: str) -> Download:
        """Answer."""
        self.asked.append(address)
        if self.is_down:
            raise TimeoutError
        keys = json.dumps(published(self.keys)).encode()
        return Download(keys if self.content is None else self.content, self.cache_control)


class Door:
    """A reader with its clock and its certificates."""

    def __init__(self, service_account: str = SERVICE_ACCOUNT) -> None:
        self.clock = FixedClock()
        self.certificates = Certificates(KEY)
        self.reader = GooglePushReader(
            keys=PublishedKeys(endpoints=endpoints(), clock=self.clock, download=self.certificates),
            audience=lambda: AUDIENCE,
            service_account=service_account,
            clock=self.clock,
        )

    def knock(self, token: str | None, body: bytes | None = None) -> str:
        """Push; answers the address that is told of."""
        authorization = "" if token is None else f"Bearer {token}"
        content = pushed() if body is None else body
        [push] = self.reader.read(PushRequest(body=content, authorization=authorization))
        assert push.provider is ProviderName.GOOGLE
        return push.address


@pytest.fixture
def door() -> Door:
    """A door that opens for the service account."""
    return Door()


def pushed(data: Any = None, *, encode: Callable[[bytes], bytes] = base64.b64encode) -> bytes:
    """Return the body of a push."""
    data = {"emailAddress": "Ada@Example.com", "historyId": 1} if data is None else data
    content = data if isinstance(data, bytes) else json.dumps(data).encode()
    return json.dumps({"message": {"data": encode(content).decode(), "messageId": "1"}}).encode()


@pytest.mark.parametrize("issuer", ["https://accounts.google.com", "accounts.google.com"])
def test_the_service_accounts_push_is_read(door: Door, issuer: str) -> None:
    """Google writes its issuer in two ways."""
    assert door.knock(signed(CLAIMS, iss=issuer)) == "Ada@Example.com"
    assert door.certificates.asked == ["https://www.googleapis.com/oauth2/v3/certs"]


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"iss": "https://accounts.example"}, Forbidden),
        ({"iss": None}, Forbidden),
        ({"iss": ["https://accounts.google.com"]}, Unauthenticated),
        ({"aud": "https://postroom.example/push/microsoft"}, Forbidden),
        ({"aud": "https://other.example/push/google"}, Forbidden),
        ({"aud": None}, Forbidden),
        ({"email": "push@somebody-else.iam.gserviceaccount.com"}, Forbidden),
        ({"email": SERVICE_ACCOUNT + "x"}, Forbidden),
        ({"email": "\ud800"}, Forbidden),
        ({"email": None}, Forbidden),
        ({"email": [SERVICE_ACCOUNT]}, Forbidden),
        ({"email_verified": False}, Forbidden),
        ({"email_verified": "true"}, Forbidden),
        ({"email_verified": None}, Forbidden),
        ({"exp": NOW_SECONDS - 60}, Unauthenticated),
        ({"exp": None}, Unauthenticated),
        ({"exp": "tomorrow"}, Unauthenticated),
        ({"iat": NOW_SECONDS + 61}, Unauthenticated),
        ({"iat": None}, Unauthenticated),
    ],
)
def test_each_claim_alone_keeps_a_push_out(
    door: Door, change: dict[str, Any], refusal: type[Exception]
) -> None:
    """A token of Google's that is not in time, or not of this service account for this address.

    Anybody with a project can have a token signed for our audience: the e-mail is what tells.
    """
    if change == {"email": "\ud800"}:
        token = _signed_json(json.dumps(CLAIMS | change).encode())
    else:
        token = signed(CLAIMS, **change)

    with pytest.raises(refusal):
        door.knock(token)


@pytest.mark.parametrize("change", [{"exp": NOW_SECONDS - 59}, {"iat": NOW_SECONDS + 60}])
def test_clocks_may_differ_by_a_minute(door: Door, change: dict[str, Any]) -> None:
    """Nobody's clock is exact."""
    assert door.knock(signed(CLAIMS, **change))


def _signed_json(claims: bytes, header: dict[str, Any] | None = None) -> str:
    return jws.serialize_compact(header or {"alg": "RS256", "kid": "k1"}, claims, KEY)


def _signed_with_what_is_public() -> str:
    """Sign with the public key as if it were a secret, as some readers let themselves be told."""
    parts = (json.dumps(part).encode() for part in ({"alg": "HS256", "kid": "k1"}, CLAIMS))
    content = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = hmac.digest(KEY.as_pem(private=False), content, "sha256")
    return f"{content.decode()}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


FORGED = {
    "of another key": signed(CLAIMS, OTHER_KEY),
    "of no algorithm": unsigned(CLAIMS),
    "of a shared secret": _signed_with_what_is_public(),
    "of another algorithm": jwt.encode(
        {"alg": "PS256", "kid": "k1"},
        dict(CLAIMS),
        RSAKey.import_key(KEY.as_pem(private=True)),
        algorithms=["PS256"],
    ),
    "without a signature": signed(CLAIMS).rpartition(".")[0] + ".",
    "with other claims": ".".join(
        (
            signed(CLAIMS).split(".")[0],
            signed(CLAIMS, email="a@b").split(".")[1],
            signed(CLAIMS).split(".")[2],
        )
    ),
    "of one part": "token",
    "of a list": _signed_json(b"[]"),
    "of bytes": _signed_json(b"\xff\xfe"),
    "of nothing": "..",
    "deep": _signed_json(b"[" * 5_000),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_a_forged_token_is_refused(door: Door, forged: str) -> None:
    """Only what a published key signed with RS256 is Google's."""
    with pytest.raises(Unauthenticated):
        door.knock(forged)


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Basic cHVzaDpwdXNo", "token"])
def test_a_push_without_a_token_is_refused(door: Door, authorization: str) -> None:
    """Nobody's keys are asked for on behalf of somebody who shows nothing."""
    with pytest.raises(Unauthenticated):
        door.reader.read(PushRequest(body=pushed(), authorization=authorization))

    assert door.certificates.asked == []


@given(header=st.dictionaries(st.text(max_size=5) | st.sampled_from(["alg", "kid", "crit", "b64"]),
       st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.text())),
       junk=st.binary(max_size=20))  # fmt: skip
def test_no_token_is_a_mistake_of_ours(header: dict[str, Any], junk: bytes) -> None:
    """Whatever stands in a token's header, it is refused and not believed."""
    parts = (json.dumps({"alg": "RS256", **header}).encode(), junk, junk)
    token = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)

    with pytest.raises(Unauthenticated):
        Door().knock(token)


@given(st.text())
def test_no_authorization_is_a_mistake_of_ours(text: str) -> None:
    """Whatever comes for a token."""
    with pytest.raises(Unauthenticated):
        Door().knock(text)


@pytest.mark.parametrize("nobody", ["", "  "])
def test_nobody_may_push_unless_somebody_is_named(nobody: str) -> None:
    """A deployment without a service account takes no push, not even one that is signed."""
    with pytest.raises(Forbidden):
        Door(service_account=nobody).knock(signed(CLAIMS, email=nobody))


def test_keys_are_kept_as_long_as_they_say(door: Door) -> None:
    """Google says how long its keys are good; they are not asked for before."""
    door.certificates.cache_control = "public, max-age=7200"
    door.knock(signed(CLAIMS))
    door.clock.advance(timedelta(seconds=7_199))
    later = signed(CLAIMS, iat=NOW_SECONDS + 7_000, exp=NOW_SECONDS + 9_000)
    door.knock(later)
    assert len(door.certificates.asked) == 1

    door.clock.advance(timedelta(seconds=1))
    door.knock(later)

    assert len(door.certificates.asked) == 2


@pytest.mark.parametrize(
    ("cache_control", "lifetime"),
    [
        ("", timedelta(hours=1)),
        ("no-store", timedelta(hours=1)),
        ("max-age=0", timedelta(minutes=1)),
        ("max-age=999999999", timedelta(days=1)),
    ],
)
def test_keys_have_a_lifetime_that_makes_sense(
    door: Door, cache_control: str, lifetime: timedelta
) -> None:
    """Neither each push nor a mistake of somebody else decides how often keys are asked for."""
    door.certificates.cache_control = cache_control
    late = signed(CLAIMS, exp=NOW_SECONDS + 200_000)
    door.knock(late)
    door.clock.advance(lifetime - timedelta(seconds=1))
    door.knock(late)
    assert len(door.certificates.asked) == 1

    door.clock.advance(timedelta(seconds=1))
    door.knock(late)

    assert len(door.certificates.asked) == 2


def test_a_new_key_is_learned_at_most_once_a_minute(door: Door) -> None:
    """Google changes its keys; forged key ids do not make us ask for them all the time."""
    door.knock(signed(CLAIMS))
    door.certificates.keys = [NEXT_KEY, KEY]
    with pytest.raises(Unauthenticated):
        door.knock(signed(CLAIMS, NEXT_KEY))
    assert len(door.certificates.asked) == 1

    door.clock.advance(timedelta(minutes=1))
    assert door.knock(signed(CLAIMS, NEXT_KEY))
    stranger = RSAKey.generate_key(2048, {"kid": "k3"})
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            door.knock(signed(CLAIMS, stranger))

    assert len(door.certificates.asked) == 2


def test_forged_tokens_do_not_have_keys_read_that_cannot_be_read(door: Door) -> None:
    """Each of them waited for another failure; whoever is genuine is still let in."""
    door.knock(signed(CLAIMS))
    door.certificates.is_down = True
    door.clock.advance(timedelta(minutes=1))
    stranger = signed(CLAIMS, RSAKey.generate_key(2048, {"kid": "k3"}))
    with pytest.raises(Retryable):
        door.knock(stranger)

    for _ in range(5):
        with pytest.raises(Unauthenticated):
            door.knock(stranger)

    assert door.knock(signed(CLAIMS))
    assert len(door.certificates.asked) == 2
    door.certificates.is_down = False
    door.certificates.keys = [NEXT_KEY, KEY]
    door.clock.advance(timedelta(minutes=1))
    assert door.knock(signed(CLAIMS, NEXT_KEY))


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b"{}", b'{"keys": [{"kty": "??"}]}'])
def test_without_keys_a_push_has_to_come_again(door: Door, content: bytes) -> None:
    """What cannot be checked is neither believed nor lost: Pub/Sub delivers it again."""
    door.certificates.is_down = True
    with pytest.raises(Retryable):
        door.knock(signed(CLAIMS))
    door.certificates.is_down = False
    door.certificates.content = content
    with pytest.raises(Retryable):
        door.knock(signed(CLAIMS))
    door.certificates.content = None
    door.clock.advance(timedelta(minutes=1))

    assert door.knock(signed(CLAIMS))


def test_old_keys_do_not_outlive_their_time(door: Door) -> None:
    """A key that Google has withdrawn is not believed because its list cannot be read."""
    late = signed(CLAIMS, exp=NOW_SECONDS + 200_000)
    door.knock(late)
    door.certificates.is_down = True
    door.clock.advance(timedelta(days=1))

    with pytest.raises(Retryable):
        door.knock(late)


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("history", [1, "1", None])
def test_data_comes_in_either_alphabet(
    door: Door, encode: Callable[[bytes], bytes], history: Any
) -> None:
    """What else a push says is nobody's business: it only rings."""
    data = {"emailAddress": "ö?>~@example.com", "historyId": history}
    content = json.dumps(data, ensure_ascii=False).encode()
    body = pushed(content, encode=lambda plain: encode(plain).rstrip(b"="))

    assert door.knock(signed(CLAIMS), body) == "ö?>~@example.com"


MALFORMED = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"message": null}',
    b'{"message": {"data": 1}}',
    b'{"message": {"data": "a"}}',
    b'{"message": {"data": "\xc3\xb6"}}',
    pushed(b"\xff"),
    pushed(b"[" * 100_000),
    pushed([]),
    pushed({"emailAddress": 1}),
    pushed({"emailAddress": "ada"}),
    pushed({"emailAddress": "a\n@b"}),
    pushed({"emailAddress": "\ud800@b"}),
    pushed({"emailAddress": "a@" + "b" * 320}),
]


@pytest.mark.parametrize("body", MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_push_is_named(door: Door, body: bytes) -> None:
    """A body that is none of Gmail's is refused, though Pub/Sub has sent it."""
    with pytest.raises(InvalidRequest):
        door.knock(signed(CLAIMS), body)


@given(st.binary(max_size=200))
def test_no_body_is_a_mistake_of_ours(body: bytes) -> None:
    """Whatever a topic carries."""
    door = Door()
    request = PushRequest(body=body, authorization=f"Bearer {signed(CLAIMS)}")
    with pytest.raises(PostroomError):
        door.reader.read(request)


def test_nothing_of_a_push_shows_in_a_log(door: Door) -> None:
    """Whoever logs a push by mistake logs neither address nor token."""
    request = PushRequest(body=pushed(), authorization=f"Bearer {signed(CLAIMS)}")

    [push] = door.reader.read(request)

    assert repr(request) == "PushRequest()"
    assert push == AddressPush(provider=ProviderName.GOOGLE, address="Ada@Example.com")
    assert "ada" not in repr(push).lower()
