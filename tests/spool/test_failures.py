"""Errors of the system, in our words and without their paths."""

from __future__ import annotations

import errno
import traceback

import pytest

from proxy.core.errors import SpoolError
from proxy.spool.failures import translated

SECRET = "/spool/ab/a-token"


def fail_with_a_history() -> None:
    try:
        open(SECRET).close()
    except OSError:
        try:
            int("not a number")
        except ValueError:
            raise OSError(errno.ENOSPC, "full", SECRET, None, SECRET) from None


def test_the_reason_is_told_and_no_path_is() -> None:
    with pytest.raises(SpoolError) as raised, translated("it cannot be done"):
        fail_with_a_history()
    assert str(raised.value) == "it cannot be done: No space left on device"
    assert isinstance(raised.value.__cause__, OSError)
    raised.value.__cause__.__suppress_context__ = False
    told = "".join(traceback.format_exception(raised.value))
    assert "not a number" in told
    assert "FileNotFoundError" in told
    assert SECRET not in told


def test_an_error_without_a_number_tells_its_words() -> None:
    with (
        pytest.raises(SpoolError, match=r"^it failed: somehow$"),
        translated("it failed"),
    ):
        raise OSError("somehow")


def test_what_is_no_error_of_the_system_passes() -> None:
    with pytest.raises(ValueError, match="ours"), translated("it failed"):
        raise ValueError("ours")
