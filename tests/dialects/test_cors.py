"""What browsers are told (R85, R86)."""

from __future__ import annotations

import pytest

from proxy.core.upload import Fields, Head
from proxy.dialects.cors import Pages, is_preflight, preflight_fields, with_cors

from .speech import by_name, request

LISTED = Pages(["https://App.example", "http://localhost:3000"])
METHODS = "POST, PUT, HEAD, GET, PATCH, DELETE, OPTIONS"
HEADERS = (
    "Authorization, Content-Type, Content-Encoding, Content-Disposition, "
    "Upload-Draft-Interop-Version, Upload-Complete, Upload-Incomplete, Upload-Offset, "
    "Upload-Length, Upload-Metadata, Upload-Defer-Length, X-HTTP-Method-Override, "
    "X-Requested-With, X-Request-ID, Repr-Digest, Content-Digest, Want-Repr-Digest"
)
EXPOSED = (
    "Location, Content-Location, Upload-Draft-Interop-Version, Upload-Complete, "
    "Upload-Incomplete, Upload-Offset, Upload-Length, Upload-Limit, Repr-Digest, "
    "Retry-After"
)
CREDENTIALS = {"Access-Control-Allow-Credentials": "true"}


def preflight(origin: str) -> Head:
    return request(
        "OPTIONS /photos", f"Origin: {origin}", "Access-Control-Request-Method: PATCH"
    )


def post(*lines: str) -> Head:
    return request("POST /photos", *lines)


@pytest.mark.parametrize(
    ("head", "answer"),
    [
        pytest.param(preflight("https://a"), True, id="R85"),
        pytest.param(
            request("OPTIONS /photos", "Origin: https://a"), False, id="plain"
        ),
        pytest.param(
            request("OPTIONS /photos", "Access-Control-Request-Method: PATCH"),
            False,
            id="no-origin",
        ),
        pytest.param(
            post("Origin: https://a", "Access-Control-Request-Method: PATCH"),
            False,
            id="another-method",
        ),
    ],
)
def test_r85_what_a_preflight_is(head: Head, answer: bool) -> None:
    assert is_preflight(head) is answer


@pytest.mark.parametrize("origin", ["https://app.example", "http://localhost:3000"])
def test_r86_the_answer_to_a_preflight(origin: str) -> None:
    assert by_name(preflight_fields(preflight(origin), LISTED)) == {
        "Access-Control-Allow-Origin": origin,
        **CREDENTIALS,
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": HEADERS,
        "Vary": "Origin",
    }


@pytest.mark.parametrize("listed", [["*"], ["https://app.example", "*"]])
def test_r86_a_star_allows_everybody_but_no_credentials(listed: list[str]) -> None:
    head = preflight("https://app.example")
    assert by_name(preflight_fields(head, Pages(listed))) == {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": HEADERS,
        "Vary": "Origin",
    }


def test_the_operator_may_allow_and_expose_more() -> None:
    pages = Pages(["*"], ["X-Title", "X-CSRF-Token"], ["X-Receipt"])
    allowed = by_name(preflight_fields(preflight("https://app.example"), pages))
    assert (
        allowed["Access-Control-Allow-Headers"] == f"{HEADERS}, X-Title, X-CSRF-Token"
    )
    told = by_name(with_cors((), post("Origin: https://app.example"), pages))
    assert told["Access-Control-Expose-Headers"] == f"{EXPOSED}, X-Receipt"


STRANGERS = ["https://evil.example", "https://app.example.evil", "null", "", "http://"]


@pytest.mark.parametrize("origin", STRANGERS)
def test_strangers_are_told_nothing(origin: str) -> None:
    assert preflight_fields(preflight(origin), LISTED) == ()
    assert preflight_fields(preflight(origin), Pages()) == ()


def test_two_origins_are_none() -> None:
    head = post("Origin: https://app.example", "Origin: http://localhost:3000")
    assert with_cors((), head, LISTED) == ((b"Vary", b"Origin"),)


OWN: Fields = (
    (b"Content-Type", b"text/plain"),
    (b"access-control-allow-origin", b"https://other.example"),
    (b"Access-Control-Expose-Headers", b"X-Own"),
)


def test_r86_ours_take_the_place_of_the_origins() -> None:
    fields = with_cors(OWN, post("Origin: https://app.example"), LISTED)
    assert by_name(fields) == {
        "Content-Type": "text/plain",
        "Access-Control-Allow-Origin": "https://app.example",
        **CREDENTIALS,
        "Access-Control-Expose-Headers": EXPOSED,
        "Vary": "Origin",
    }


def test_r86_a_star_on_an_ordinary_answer() -> None:
    fields = by_name(with_cors((), post("Origin: https://any.example"), Pages(["*"])))
    assert fields == {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": EXPOSED,
        "Vary": "Origin",
    }


@pytest.mark.parametrize("lines", [(), ("Origin: https://evil.example",)])
def test_for_others_the_origins_own_stand(lines: tuple[str, ...]) -> None:
    assert with_cors(OWN, post(*lines), LISTED) == (*OWN, (b"Vary", b"Origin"))


def test_nothing_happens_where_nobody_is_listed() -> None:
    assert with_cors(OWN, post("Origin: https://app.example"), Pages()) is OWN


@pytest.mark.parametrize("value", [b"Origin", b"Accept, origin", b"*"])
def test_what_caches_were_told_already_is_not_said_again(value: bytes) -> None:
    own: Fields = ((b"vary", value),)
    assert with_cors(own, post(), LISTED) == own


def test_other_variations_stay() -> None:
    own: Fields = ((b"Vary", b"Accept-Encoding"),)
    assert with_cors(own, post(), LISTED) == (*own, (b"Vary", b"Origin"))
