"""Records: what was written, byte for byte, or nothing at all."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.core.errors import SpoolError, UploadLost, UploadTooNew, UploadTorn
from proxy.core.upload import Answer, Head, Limits, Moment, State, Upload
from proxy.spool import envelope
from proxy.spool.record import Record, decode, encode

from .samples import ANSWER, new_token, upload

counts = st.integers(min_value=0, max_value=2**63)
maybe_counts = st.none() | counts
seconds = st.floats(allow_nan=False)
texts = st.text(st.characters(), max_size=20)
fields = st.lists(
    st.tuples(st.binary(max_size=20), st.binary(max_size=40)), max_size=6
).map(tuple)
heads = st.builds(
    Head, method=texts, target=texts, fields=fields, http_1_0=st.booleans()
)
uploads = st.builds(
    Upload,
    token=st.builds(new_token),
    state=st.sampled_from(State),
    request=heads,
    limits=st.builds(
        Limits, maybe_counts, counts, maybe_counts, counts, max_age_s=seconds
    ),
    created_at=seconds,
    fed_at=seconds,
    acknowledged=counts,
    length=maybe_counts,
    version=st.none() | st.integers(0, 20),
    peer=texts,
    route=texts,
    parts=counts,
    attempts=counts,
    hidden=st.booleans(),
    answer=st.none()
    | st.builds(
        Answer,
        status=st.integers(100, 599),
        reason=texts,
        fields=fields,
        size=maybe_counts,
        kept=st.booleans(),
    ),
    answered_at=st.none() | seconds,
    why=texts,
    history=st.lists(st.builds(Moment, seconds, texts, counts, texts), max_size=3).map(
        tuple
    ),
)
records = st.builds(Record, uploads, texts, st.none() | texts)

SAMPLE = Record(upload(answer=ANSWER, length=7), "boot", "0" * 32)
SEALED = encode(SAMPLE)


@given(records)
def test_a_record_tells_exactly_what_was_written(written: Record) -> None:
    read = decode(encode(written), written.upload.token)
    assert read == written
    assert read.upload.history == written.upload.history  # which compares as nothing


def test_a_record_from_before_there_was_a_history_is_read() -> None:
    content = json.loads(envelope.unseal(SEALED))
    del content["history"]
    sealed = envelope.seal(json.dumps(content).encode())
    assert decode(sealed, SAMPLE.upload.token) == SAMPLE


def test_a_record_from_before_its_parts_were_counted_is_read() -> None:
    content = json.loads(envelope.unseal(SEALED))
    del content["parts"]
    sealed = envelope.seal(json.dumps(content).encode())
    assert decode(sealed, SAMPLE.upload.token).upload.parts == 0


def test_every_byte_of_a_field_is_kept() -> None:
    every = bytes(range(256))
    head = Head("PUT", "/", ((every, every),))
    written = Record(upload(request=head), "boot")
    assert decode(encode(written), written.upload.token) == written


def test_no_two_records_have_the_same_checksum() -> None:
    assert envelope.checksum(SEALED) != envelope.checksum(encode(SAMPLE))


@given(st.data())
def test_a_flipped_bit_is_lost(data: st.DataObject) -> None:
    sealed = bytearray(SEALED)
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(
        st.integers(0, 7)
    )
    _is_lost(bytes(sealed))


@given(st.integers(0, len(SEALED) - 1))
@example(0)
def test_a_cut_record_is_lost(length: int) -> None:
    _is_lost(SEALED[:length])


@given(st.integers(0, len(SEALED)), st.integers(0, len(SEALED)), st.binary())
def test_a_torn_record_is_lost_or_whole(start: int, end: int, other: bytes) -> None:
    torn = SEALED[: min(start, end)] + other + SEALED[max(start, end) :]
    if torn == SEALED:
        assert decode(torn, SAMPLE.upload.token) == SAMPLE
    else:
        _is_lost(torn)


@given(st.binary(max_size=200))
def test_anything_else_is_lost(other: bytes) -> None:
    _is_lost(other)


def test_a_page_of_zeros_is_lost() -> None:
    """What some file systems make of a file that was not synced."""
    _is_lost(bytes(len(SEALED)))


@pytest.mark.parametrize(
    "found",
    [
        b"",
        SEALED[:5],
        SEALED[:200],
        SEALED[:-1],
        bytes(len(SEALED)),
        SEALED[:200] + bytes(len(SEALED) - 200),
        bytes(200) + SEALED[200:],
    ],
)
def test_what_a_power_loss_leaves_of_one_that_was_never_synced_is_torn(
    found: bytes,
) -> None:
    with pytest.raises(UploadTorn):
        decode(found, SAMPLE.upload.token)


@pytest.mark.parametrize(
    "found", [b"rubbish", SEALED.replace(b"8", b"9"), SEALED[:200] + SEALED[201:]]
)
def test_what_somebody_has_changed_is_not(found: bytes) -> None:
    with pytest.raises(UploadLost) as raised:
        decode(found, SAMPLE.upload.token)
    assert type(raised.value) is UploadLost


def test_a_newer_format_is_told_apart() -> None:
    newer = envelope.seal(b"who knows", envelope.FORMAT + 1)
    with pytest.raises(UploadTooNew, match="format 4, this release reads 3"):
        decode(newer, SAMPLE.upload.token)


def test_a_broken_newer_format_is_lost() -> None:
    _is_lost(envelope.seal(b"who knows", envelope.FORMAT + 1) + b"!")


def test_the_record_of_another_upload_is_lost() -> None:
    with pytest.raises(UploadLost, match="another upload"):
        decode(SEALED, new_token())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"not JSON",
        b"\xff",
        b"[" * 100_000,
        b"9" * 5000,
    ],
    ids=lambda content: f"{content[:8]!r}",
)
def test_what_is_sealed_and_no_record_is_lost(content: bytes) -> None:
    _is_lost(envelope.seal(content))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("state", "dreaming"),
        ("request", None),
        ("request", {"method": "POST"}),
        ("limits", {"max_size": 1, "max_speed": 2}),
        ("answer", 5),
    ],
)
def test_a_record_with_a_wrong_value_is_lost(key: str, value: Any) -> None:
    content = json.loads(envelope.unseal(SEALED))
    content[key] = value
    _is_lost(envelope.seal(json.dumps(content).encode()))


@pytest.mark.parametrize("name", ["\u20ac", 5])
def test_a_field_that_is_not_bytes_is_lost(name: Any) -> None:
    content = json.loads(envelope.unseal(SEALED))
    content["request"]["fields"] = [[name, "value"]]
    _is_lost(envelope.seal(json.dumps(content).encode()))


def test_a_record_that_could_not_be_read_again_is_not_written() -> None:
    large = replace(SAMPLE.upload, why="x" * envelope.LIMIT)
    with pytest.raises(SpoolError, match=f"may have {envelope.LIMIT}"):
        encode(Record(large, "boot"))


def test_a_record_that_is_too_long_is_lost() -> None:
    _is_lost(SEALED + b" " * envelope.LIMIT)


def test_the_checksum_can_be_told_from_the_start_alone() -> None:
    start = SEALED[: envelope.START]
    assert envelope.checksum(start) == envelope.checksum(SEALED)


def _is_lost(sealed: bytes) -> None:
    with pytest.raises(UploadLost) as raised:
        decode(sealed, SAMPLE.upload.token)
    assert type(raised.value) in (UploadLost, UploadTorn)
    assert raised.value.upload is None


def test_only_a_record_with_a_route_is_of_the_newer_format() -> None:
    """A release without routes would send it to the one origin that it knows."""
    routed = replace(SAMPLE.upload, route="photos")
    assert SEALED.startswith(b'{"format":1,')
    assert encode(replace(SAMPLE, upload=routed)).startswith(b'{"format":2,')


def test_a_record_that_names_no_route_is_of_the_default_one() -> None:
    """As all were before there were routes."""
    content = json.loads(envelope.unseal(SEALED))
    del content["route"]
    sealed = envelope.seal(json.dumps(content).encode())
    assert decode(sealed, SAMPLE.upload.token).upload.route == "default"


@pytest.mark.parametrize("told", [{"principal": "d" * 32}, {"denied": True}])
def test_a_record_that_is_not_for_everybody_is_of_the_newest_format(
    told: dict[str, Any],
) -> None:
    """A release that asks nobody would give it to strangers, or send it on."""
    guarded = replace(SAMPLE.upload, **told)
    sealed = encode(replace(SAMPLE, upload=guarded))
    assert sealed.startswith(b'{"format":3,')
    assert decode(sealed, guarded.token).upload == replace(guarded, offset=0)
