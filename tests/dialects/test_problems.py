"""Problem documents: every problem has one, and it says nothing that leaks."""

from __future__ import annotations

import json

from proxy.core.errors import Problem
from proxy.dialects import problems
from proxy.dialects.problems import Registered

from ..kit.words import COMPLETED, INCONSISTENT, MISMATCH


def test_every_problem_has_its_words() -> None:
    assert set(problems.KINDS) == set(Problem)
    titles = [kind.title for kind in problems.KINDS.values()]
    titles += [registered.title for registered in Registered]
    assert len(set(titles)) == len(titles)


def test_the_registered_types_have_their_full_uri() -> None:
    assert Registered.OFFSET.uri == MISMATCH
    assert Registered.COMPLETED.uri == COMPLETED
    assert Registered.LENGTH.uri == INCONSISTENT


def test_types_of_ours_are_stable_names() -> None:
    assert problems.own_type("too-large") == (
        "urn:resumable-upload-proxy:problem:too-large"
    )


def test_a_document() -> None:
    content = problems.document("a:b", "A title", 409, "Wide: \u2028 \xe9", {"n": 5})
    assert content.isascii()
    assert json.loads(content) == {
        "type": "a:b",
        "title": "A title",
        "status": 409,
        "detail": "Wide: \u2028 \xe9",
        "n": 5,
    }
