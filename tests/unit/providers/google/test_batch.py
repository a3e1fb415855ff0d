"""Batches on the wire."""

import email
import email.policy

from postroom.providers.google.batch import CONTENT_TYPE, PartAnswer, decode, encode


def part(key: str, status: str, content: str, *headers: str) -> str:
    fields = "".join(f"{header}\r\n" for header in headers)
    return (
        f"--batch_abc\r\nContent-Type: application/http\r\nContent-ID: {key}\r\n\r\n"
        f"HTTP/1.1 {status}\r\nContent-Type: application/json; charset=UTF-8\r\n{fields}\r\n"
        f"{content}\r\n\r\n"
    )


def answered(*parts: str) -> dict[str, PartAnswer]:
    body = "".join(parts) + "--batch_abc--"
    return decode('multipart/mixed; boundary="batch_abc"', body.encode())


def test_every_call_is_a_part_with_its_own_name() -> None:
    """The body is a multipart message that any parser reads."""
    # Given / When
    raw = encode({"0": "/gmail/v1/users/me/messages/a?format=full", "1": "/gmail/v1/x"})
    # Then
    head = f"Content-Type: {CONTENT_TYPE}\r\n\r\n".encode()
    message = email.message_from_bytes(head + raw, policy=email.policy.HTTP)
    calls = [(p["Content-ID"], p.get_content_type()) for p in message.iter_parts()]
    assert calls == [("<0>", "application/http"), ("<1>", "application/http")]
    assert b"GET /gmail/v1/users/me/messages/a?format=full HTTP/1.1\r\n" in raw


def test_answers_are_matched_by_name_not_by_place() -> None:
    """Elsewhere an unreadable part shifted all later answers to the wrong messages."""
    # Given / When
    answers = answered(
        part("<response-2>", "200 OK", '{"id":"c"}'),
        part("<response-nonsense", "garbage", ""),
        part("<response-0>", "404 Not Found", '{"error":{"code":404}}'),
    )
    # Then
    assert answers["2"].content.strip() == b'{"id":"c"}'
    assert answers["0"].status == 404
    assert "1" not in answers


def test_each_part_has_its_own_status_and_headers() -> None:
    """A 429 inside a 200 is a 429, with its own Retry-After."""
    answers = answered(
        part("<response-0>", "200 OK", "{}"),
        part("<response-1>", "429 Too Many Requests", "{}", "retry-after: 7"),
    )
    assert (answers["1"].status, answers["1"].headers["Retry-After"]) == (429, "7")


def test_content_beyond_ascii_is_kept() -> None:
    """Subjects are UTF-8."""
    answers = answered(part("<response-0>", "200 OK", '{"snippet":"Grüße 日本"}'))
    assert answers["0"].content.decode().strip() == '{"snippet":"Grüße 日本"}'


def test_what_is_no_batch_has_no_answers() -> None:
    """A page of a gateway instead of a batch leaves every call unanswered."""
    assert decode("text/html", b"<html>") == {}
    assert decode("multipart/mixed", b"--x") == {}
