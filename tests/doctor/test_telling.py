"""What of an answer is told."""

from __future__ import annotations

import json

import pytest

from proxy.client.wire import Said
from proxy.doctor.telling import answered, problem, veiled


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://a.example/u/RMFtabcdef", "https://a.example/u/RMFt..."),
        ("https://a.example/u/RMFtabcdef/", "https://a.example/u/RMFt..."),
        ("http://a:1/u/1", "http://a:1/u/1"),
        ("http://a:1/u/1?key=secret", "http://a:1/u/1?..."),
        ("http://a:1/", "http://a:1/"),
    ],
)
def test_of_a_url_only_the_beginning_is_told(url: str, told: str) -> None:
    assert veiled(url) == told


def said(status: int, media_type: str, content: object) -> Said:
    octets = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Said(status, (("Content-Type", media_type),), octets)


PROBLEM = "application/problem+json; charset=utf-8"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            said(429, PROBLEM, {"type": "urn:x:problem:too-many-uploads"}),
            "429 too-many-uploads",
        ),
        (said(400, PROBLEM, {"type": "https://a/#b"}), "400 https://a/#b"),
        (said(500, "text/html", {"type": "x"}), "500"),
        (said(500, PROBLEM, {}), "500"),
        (said(500, PROBLEM, []), "500"),
        (said(500, PROBLEM, b"{"), "500"),
        (Said(401, ()), "401 (say who you are by --header)"),
    ],
)
def test_an_answer_is_told_with_its_problem(answer: Said, told: str) -> None:
    assert answered(answer) == told


def test_without_a_type_no_problem_is_named() -> None:
    assert problem(said(500, PROBLEM, {"type": 1})) == ""
