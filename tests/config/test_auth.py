"""The keys of `auth`: what they mean, and what is told when they cannot be meant."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from proxy import choices
from proxy.config import Config, Route
from proxy.core.auth import Place, Source


def config(auth: dict[str, Any], **origin: Any) -> Config:
    url = {"url": "https://app.example"}
    return Config.model_validate({"origin": {**url, **origin}, "auth": auth})


def default(given: Config) -> Route:
    return choices.routes(given)[-1]


def routed(auth: dict[str, Any], *routes: dict[str, Any]) -> Config:
    named = [
        {"name": f"r{number}", "match": {"paths": f"/{number}"}, "auth": route}
        for number, route in enumerate(routes)
    ]
    return Config.model_validate(
        {"origin": {"url": "https://app.example"}, "auth": auth, "routes": named}
    )


def test_a_route_may_ask_others_or_nobody() -> None:
    given = routed(
        {"request": "http://auth.example/", "timeout": "2s"},
        {},
        {"request": None},
        {"request": "origin", "path": "/me", "timeout": "1s"},
    )
    same, nobody, other, rest = map(choices.asked, choices.routes(given))
    assert same == rest is not None
    assert nobody is None
    assert other is not None
    assert (other.url, other.target, other.timeout_s) == (
        "https://app.example",
        "/me",
        1.0,
    )
    assert choices.recognises(given)


def test_only_a_route_may_ask() -> None:
    given = routed({}, {"request": "origin"})
    assert choices.asked(default(given)) is None
    assert choices.recognises(given)


def test_a_principal_of_an_answer_needs_one_in_every_route() -> None:
    by_answer = {"request": "origin", "principal": "answer:x-user"}
    routed(by_answer, {}, {"request": "http://b/"})
    with pytest.raises(ValidationError, match="somebody to ask") as told:
        routed(by_answer, {}, {"request": None})
    (error,) = told.value.errors()
    assert error["loc"] == ("routes", 1, "auth", "request")


def test_without_a_word_nobody_is_asked() -> None:
    given = config({})
    assert choices.asked(default(given)) is None
    assert not choices.recognises(given)
    assert choices.recognises(config({"principal": "request:cookie"}))


def test_a_url_is_asked_by_its_name() -> None:
    given = config({"request": "HTTP://Auth.example:81/check/it?by=a", "timeout": "2s"})
    asked = choices.asked(default(given))
    assert asked == choices.Asked(
        "http://auth.example:81", "/check/it?by=a", None, False, 2.0
    )


def test_the_origin_is_asked_as_it_gets_uploads() -> None:
    given = config({"request": "origin", "path": "/me?x"}, preserve_host=False)
    asked = choices.asked(default(given))
    assert asked == choices.Asked(
        "https://app.example", "/me?x", given.origin.tls, False, 5.0
    )


def test_fields_are_named_with_where_they_stand() -> None:
    given = config(
        {"request": "origin", "principal": "answer:X-Auth-User, request:Cookie"}
    )
    assert given.auth.principal == (
        Source(Place.ANSWER, "x-auth-user"),
        Source(Place.REQUEST, "cookie"),
    )
    again = Config.model_validate(given.model_dump(mode="json"))
    assert again.auth == given.auth


@pytest.mark.parametrize(
    ("wrong", "where", "expected"),
    [
        ({"request": "nobody"}, "request", "origin, or a URL"),
        ({"request": "ftp://a/b"}, "request", "origin, or a URL"),
        ({"request": 1}, "request", "origin, or a URL"),
        ({"request": "http://u:p@a/b"}, "request", "without credentials"),
        ({"request": "http://a/b c"}, "request", "origin, or a URL"),
        ({"request": "http://a/b#c"}, "request", "without query and fragment"),
        ({"path": "auth"}, "path", "a path such as"),
        ({"path": "/a b"}, "path", "a path such as"),
        ({"principal": ["x-auth-user"]}, "principal", "request: or answer:"),
        ({"principal": ["answer:a b"]}, "principal", "request: or answer:"),
        ({"principal": [1.5]}, "principal", "request: or answer:"),
        ({"principal": ["answer:a"]}, "principal", "fields of the request"),
        ({"max_uploads": 1}, "max_uploads", "a principal"),
        ({"max_bytes": "1GiB"}, "max_bytes", "a principal"),
        ({"timeout": 0}, "timeout", ""),
    ],
)
def test_what_cannot_be_meant_is_told_by_its_key(
    wrong: dict[str, Any], where: str, expected: str
) -> None:
    with pytest.raises(ValidationError) as told:
        config(wrong)
    (error,) = told.value.errors()
    assert error["loc"][:2] == ("auth", where)
    assert expected in error["msg"]
