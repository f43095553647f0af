"""A value with some of its fields changed, as ``dataclasses`` would give it."""

from __future__ import annotations

import dataclasses

import pytest

from proxy.core.upload import Head, Limits, State, Token, Upload
from proxy.core.values import replace

HEAD = Head("POST", "/", ((b"A", b"1"), (b"B", b"2")))
UPLOAD = Upload(Token("t"), State.CREATED, HEAD, Limits(), 1.0, 2.0, peer="x")


@dataclasses.dataclass(frozen=True, slots=True)
class _One:
    only: int


def test_a_copy_has_what_was_changed_and_all_the_rest() -> None:
    changes = {"state": State.COMPLETE, "offset": 7, "why": "so"}
    # To mypy the values of `changes` are all of one type.
    changed = replace(UPLOAD, **changes)  # type: ignore[arg-type]
    assert changed == dataclasses.replace(UPLOAD, **changes)  # type: ignore[arg-type]
    assert UPLOAD.state is State.CREATED
    assert replace(_One(1), only=2) == _One(2)


def test_what_is_remembered_beside_the_fields_is_not_taken_along() -> None:
    assert HEAD.value(b"a") == b"1"
    changed = replace(HEAD, fields=((b"A", b"3"),))
    assert changed.value(b"a") == b"3"
    assert not changed.has(b"b")


@pytest.mark.parametrize("name", ["nothing", "_by_name"])
def test_what_is_no_field_to_be_told_cannot_be_changed(name: str) -> None:
    with pytest.raises(KeyError):
        # What mypy would refuse is what is tried.
        replace(HEAD, **{name: 1})  # type: ignore[arg-type]


def test_fields_that_are_told_by_name_only_are_told_so() -> None:
    @dataclasses.dataclass(frozen=True)
    class Named:
        named: int = dataclasses.field(kw_only=True)
        first: int
        other: int = dataclasses.field(default=0, kw_only=True)

    value = Named(1, named=2, other=3)
    assert replace(value, other=4) == Named(1, named=2, other=4)
    assert replace(value, first=4, named=5) == Named(4, named=5, other=3)
