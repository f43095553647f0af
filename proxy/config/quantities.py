"""Sizes, durations, counts and the like: from what was written, and back for people.

Pure functions from what a file, a variable or a flag holds (text, a number, a boolean)
to the plain value the program uses: bytes, seconds, a number. Each raises
``WrongValue``, which says what was expected; ``mistakes`` adds where it stood and what
was found. The one invariant: ``size(size_text(n)) == n``, and the same for durations.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import durationpy

from proxy.dialects.profiles import PROFILES, RFC

LARGEST_SIZE: Final = 999_999_999_999_999
"""Bytes: the largest integer a structured field can tell (RFC 9651 "Integers")."""
LONGEST_DURATION_S: Final = 10 * 365 * 86400
"""Ten years, picked by hand: past it a typing error is likelier than a wish."""
INTEROP_VERSIONS: Final = tuple(n for n in PROFILES if isinstance(n, int))
"""The versions that clients may name, ascending."""

_UNITS: Final = {
    "TiB": 2**40,
    "TB": 10**12,
    "GiB": 2**30,
    "GB": 10**9,
    "MiB": 2**20,
    "MB": 10**6,
    "KiB": 2**10,
    "KB": 10**3,
}
_BYTES_PER: Final = {unit.lower(): size for unit, size in _UNITS.items()} | {"b": 1}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([KMGT]i?B|B)?", re.ASCII | re.IGNORECASE)
_UNIT_CUT_SHORT = re.compile(r"([0-9.]+) ?([KMGT])i?", re.ASCII | re.IGNORECASE)
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d|w))+", re.ASCII)
_SECONDS = re.compile(r"[0-9]+(?:\.[0-9]+)?", re.ASCII)
SIZE_PATTERN: Final = r"^[0-9]+(\.[0-9]+)? ?([KkMmGgTt][Ii]?[Bb]|[Bb])?$"
"""What an editor may accept as a size; the program looks closer."""
DURATION_PATTERN: Final = rf"^({_DURATION.pattern}|{_SECONDS.pattern})$"
"""What an editor may accept as a duration."""


class WrongValue(ValueError):
    """A value that cannot be used. Caught in ``loading``, which says where it is."""

    def __init__(self, expected: str, hint: str = "", got: str = "") -> None:
        super().__init__(expected)
        self.expected = expected
        self.hint = hint
        """What to do about it, or empty."""
        self.got = got
        """What was found, in words; empty: the value as it was given."""


def size(value: object) -> int:
    """Bytes: a whole number, or text with a unit (1KiB is 1024 bytes, 1KB is 1000)."""
    expected = "a size such as 64KiB, 10GiB, 1MB or a number of bytes"
    if type(value) is int:
        amount = Decimal(value)
    elif isinstance(value, str) and (match := _SIZE.fullmatch(value)):
        amount = Decimal(match[1]) * _BYTES_PER[(match[2] or "b").lower()]
    elif isinstance(value, str) and (match := _UNIT_CUT_SHORT.fullmatch(value)):
        short = match[1] + match[2].upper()
        raise WrongValue(expected, f'did you mean "{short}iB" or "{short}B"?')
    else:
        raise WrongValue(expected)
    if amount < 0 or amount != int(amount):
        raise WrongValue(expected)
    if amount > LARGEST_SIZE:
        raise WrongValue(f"a size of at most {LARGEST_SIZE} bytes")
    return int(amount)


def bound(value: object) -> int:
    """Bytes, at least one: elsewhere 0 means "no limit", here nothing would get in."""
    amount = size(value)
    if amount == 0:
        raise WrongValue("a size of at least 1 byte", "for no limit write null")
    return amount


def size_within(value: int, other: str, sizes: Mapping[str, int | None]) -> int:
    """`value`, unless it is over the size of the key `other`, where that has one.

    Raises:
        WrongValue: with both for people.
    """
    limit = sizes.get(other)
    if limit is not None and value > limit:
        expected = f"at most {other} ({size_text(limit)})"
        raise WrongValue(expected, got=str(size_text(value)))
    return value


def head_size(value: object) -> int:
    """Bytes of a request's head: ordinary ones need one KiB, nobody needs 16 MiB."""
    amount = size(value)
    if not 2**10 <= amount <= 2**24:
        raise WrongValue("a size from 1KiB to 16MiB")
    return amount


def piece_size(value: object) -> int:
    """Bytes of an upload in memory: written to the disk in one go when they must be, on
    which everybody waits."""
    amount = size(value)
    if amount > 2**20:
        raise WrongValue("a size up to 1MiB")
    return amount


def size_text(amount: int) -> str | int:
    """`amount` bytes for people, exactly: the largest unit that leaves no fraction."""
    for unit, size_of_unit in _UNITS.items():
        if amount and amount % size_of_unit == 0:
            return f"{amount // size_of_unit}{unit}"
    return amount


def duration(value: object) -> float:
    """Seconds, to the millisecond: a number, or text such as ``1h30m``."""
    expected = "a duration such as 10s, 1h30m, 7d or a number of seconds"
    text = "" if isinstance(value, bool) else str(value)
    if isinstance(value, float) or _SECONDS.fullmatch(text):
        seconds = float(text)
    elif _DURATION.fullmatch(text):
        seconds = _spelled_duration(text)
    else:
        raise WrongValue(expected)
    if seconds > LONGEST_DURATION_S:
        raise WrongValue("a duration of at most ten years (3650d)")
    if not seconds >= 0:  # this way round, so that "not a number" is caught as well
        raise WrongValue(expected)
    return round(seconds, 3)


def _spelled_duration(text: str) -> float:
    """Seconds. The pattern was checked before: durationpy passes over what it does not
    know between two numbers, and takes ``mm`` for a month."""
    try:
        return durationpy.from_str(text).total_seconds()
    except durationpy.DurationError:
        return float("inf")  # longer than a timedelta can be


def span(value: object) -> float:
    """Seconds, more than none: elsewhere 0 means "for ever", here nothing would do."""
    seconds = duration(value)
    if seconds == 0:
        raise WrongValue("a duration longer than 0s")
    return seconds


def duration_text(seconds: float) -> str:
    """`seconds` for people, to the millisecond: ``75s``, ``1h30m``, ``24h``, ``7d``."""
    if seconds != int(seconds):
        return f"{seconds:.3f}".rstrip("0") + "s"
    left = int(seconds)
    if left < 120:
        return f"{left}s"
    if left % 86400 == 0 and left > 86400:
        return f"{left // 86400}d"
    text = ""
    for unit, length in (("h", 3600), ("m", 60), ("s", 1)):
        if left >= length:
            text += f"{left // length}{unit}"
            left %= length
    return text


def switch(value: object) -> bool:
    """True or false; YAML 1.2 has no other words for them."""
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise WrongValue("true or false")


def version(value: object) -> int | str:
    """An interop version, or ``rfc`` for the form that names none."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value)
    if type(value) is int and value in INTEROP_VERSIONS:
        return value
    if value == RFC:
        return RFC
    low, high = INTEROP_VERSIONS[0], INTEROP_VERSIONS[-1]
    raise WrongValue(f"an interop version from {low} to {high}, or {RFC}")


def count(value: object) -> int:
    """A whole number, at least 1."""
    text = "" if isinstance(value, bool) else str(value)
    if text.isascii() and text.isdecimal() and int(text) >= 1:
        return int(text)
    raise WrongValue("a whole number, at least 1")


MOST_WORKERS: Final = 31
"""64 processes can share a spool: these and their supervisor, and beside them as many
that take over from them, one by one or all together."""


def workers(value: object) -> int:
    """Processes that serve clients."""
    number = count(value)
    if number > MOST_WORKERS:
        raise WrongValue(f"a whole number from 1 to {MOST_WORKERS}")
    return number
