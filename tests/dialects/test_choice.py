"""Which requests are uploads, and how they are answered (R5, R9, R12 to R18)."""

from __future__ import annotations

import pytest

from proxy.core.errors import Problem
from proxy.core.intents import AskLimits, AskOffset, Cancel, Create, Malformed
from proxy.core.upload import Head, Limits
from proxy.dialects import Dialects
from proxy.dialects.rufh import Rufh

from ..kit.words import VERSIONS, each_version
from .speech import (
    MEDIA_TYPE,
    TOKEN,
    UPLOAD,
    append,
    by_name,
    complete,
    dialects,
    naming,
    partial,
    read,
    request,
)

UNKNOWN = ["1", "2", "11", "999", "-6", "6.0", '"6"', "?1", "6, 6", "", "six"]
"""Versions nobody speaks, and things that are no version."""


def chosen(head: Head, chooser: Dialects | None = None) -> Rufh:
    dialect = (chooser or dialects()).choose(head)
    assert isinstance(dialect, Rufh)
    return dialect


@each_version
def test_r12_the_request_names_its_version(version: int) -> None:
    head = request("POST /photos", naming(version), complete(version))
    dialect = chosen(head)
    assert dialect.version == dialect.profile.version == version
    assert dialect.interims
    intent = dialect.read(head)
    assert isinstance(intent, Create)
    assert (intent.version, intent.interims, intent.finishing) == (version, True, True)


@each_version
def test_r12_parameters_do_not_matter(version: int) -> None:
    head = request("POST /photos", naming(f"{version};x=1"), complete(version))
    assert chosen(head).version == version


@each_version
def test_r13_a_complete_request_without_version_is_ordinary(version: int) -> None:
    assert read(request("POST /photos", complete(version))) is None


@pytest.mark.parametrize("rfc", [False, True])
@pytest.mark.parametrize("version", UNKNOWN, ids=lambda v: f"R14-{v!r}")
@pytest.mark.parametrize("says", ["Upload-Complete: ?1", "Upload-Incomplete: ?0"])
def test_r14_a_complete_request_in_an_unknown_version_is_ordinary(
    version: str, says: str, rfc: bool
) -> None:
    head = request("POST /photos", naming(version), says)
    assert read(head, dialects(rfc=rfc)) is None


@each_version
def test_r14_a_version_that_is_not_enabled_is_unknown(version: int) -> None:
    others = dialects(tuple(v for v in VERSIONS if v != version))
    whole = request("POST /photos", naming(version), complete(version))
    assert read(whole, others) is None
    there = request(f"HEAD {UPLOAD}", naming(version))
    assert chosen(there, others).version is None


@pytest.mark.parametrize("version", [None, *UNKNOWN], ids=lambda v: f"R15-{v!r}")
def test_r15_a_part_without_known_version_gets_the_newest_words(
    version: str | None,
) -> None:
    lines = [] if version is None else [naming(version)]
    head = request("POST /photos", *lines, "Upload-Complete: ?0", "Content-Length: 5")
    dialect = chosen(head)
    assert dialect.profile.version == 10
    assert dialect.version is None
    intent = dialect.read(head)
    assert isinstance(intent, Create)
    assert (intent.finishing, intent.interims) == (False, False)
    assert (intent.version, intent.append_limits) == (None, True)


@pytest.mark.parametrize("version", [None, *UNKNOWN], ids=lambda v: f"R16-{v!r}")
def test_r16_an_upload_url_is_answered_in_the_newest_words(version: str | None) -> None:
    lines = [] if version is None else [naming(version)]
    dialect = chosen(request(f"HEAD {UPLOAD}", *lines))
    assert dialect.profile.version == 10
    assert (dialect.version, dialect.interims) == (None, False)


def test_r15_the_newest_words_are_those_of_the_newest_enabled_version() -> None:
    part = request("POST /photos", "Upload-Complete: ?0")
    assert chosen(part, dialects((3, 5, 6))).profile.version == 6
    # nothing enabled at all: a part must be answered all the same
    assert chosen(part, dialects(())).profile.version is None


ORDINARY = [
    pytest.param(request("POST /photos"), id="R17-no-completeness"),
    pytest.param(request("POST /photos", naming(6)), id="R17-only-a-version"),
    pytest.param(request("GET /photos", naming(6)), id="R17-GET"),
    *(
        pytest.param(
            request(f"{method} /photos", naming(6), says), id=f"R17-{method}-{says}"
        )
        for method in ("GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "CONNECT")
        for says in ("Upload-Complete: ?0", "Upload-Complete: ?1")
    ),
    pytest.param(request("OPTIONS *", naming(6)), id="R83-asterisk"),
    pytest.param(request("GET /resumable_upload", naming(6)), id="R17-beside-uploads"),
    pytest.param(
        request(f"GET /x{UPLOAD}", naming(6)), id="R17-uploads-not-at-the-start"
    ),
    *(
        pytest.param(
            request("POST /photos", naming(6), f"Upload-Complete: {value}"),
            id=f"R5-{value!r}",
        )
        for value in ("1", "true", "", "?2", "?1,", '"?1"')
    ),
    pytest.param(
        request(
            "POST /photos", naming(6), "Upload-Complete: ?1", "Upload-Complete: ?1"
        ),
        id="R3-two-lines",
    ),
    pytest.param(
        request("POST /photos", naming(3), "Upload-Complete: ?1"), id="R9-v3-complete"
    ),
    *(
        pytest.param(
            request("POST /photos", naming(version), "Upload-Incomplete: ?0"),
            id=f"R9-v{version}-complete",
        )
        for version in VERSIONS[1:]
    ),
    pytest.param(
        request("POST /photos", naming(6), "Upload-Incomplete: 1"), id="R9-invalid"
    ),
]


@pytest.mark.parametrize("head", ORDINARY)
def test_ordinary_requests_are_passed_through(head: Head) -> None:
    assert read(head) is None


@each_version
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "MKCOL"])
def test_r17_every_method_with_content_may_create(method: str, version: int) -> None:
    for says, finishing in ((complete(version), True), (partial(version), False)):
        intent = read(request(f"{method} /a?b=c", naming(version), says))
        assert isinstance(intent, Create)
        assert intent.finishing is finishing


@each_version
def test_r17_nothing_starts_where_uploads_are_not_enabled(version: int) -> None:
    nowhere = dialects(enabled=False)
    for says in (complete(version), partial(version)):
        assert read(request("POST /photos", naming(version), says), nowhere) is None
    contrary = request(
        "POST /photos", naming(version), partial(4 if version < 4 else 3)
    )
    assert read(contrary, nowhere) is None
    assert read(request(f"HEAD {UPLOAD}"), nowhere) == AskOffset(TOKEN)


def test_r17_what_may_start_an_upload_is_asked_of_the_head_itself() -> None:
    only_photos = Dialects(
        "/resumable_upload/", frozenset(VERSIONS), False, lambda h: h.path == "/photos"
    )
    lines = (naming(6), "Upload-Complete: ?1")
    assert isinstance(read(request("POST /photos?x", *lines), only_photos), Create)
    assert read(request("POST /films", *lines), only_photos) is None


@pytest.mark.parametrize(
    ("line", "intent"),
    [
        (f"HEAD {UPLOAD}", AskOffset(TOKEN)),
        (f"GET {UPLOAD}", AskOffset(TOKEN)),
        (f"GET {UPLOAD}?x=1", AskOffset(TOKEN)),
        (f"HEAD http://h{UPLOAD}", AskOffset(TOKEN)),
        (f"DELETE {UPLOAD}", Cancel(TOKEN)),
        (f"OPTIONS {UPLOAD}", AskLimits(TOKEN)),
    ],
    ids=lambda v: f"R17-{v}",
)
def test_r17_the_method_decides_on_upload_urls(line: str, intent: object) -> None:
    assert read(request(line, naming(6))) == intent


@pytest.mark.parametrize("method", ["POST", "PUT", "TRACE", "CONNECT", "MKCOL", "head"])
@pytest.mark.parametrize("name", [TOKEN, "x"])
def test_r17_other_methods_are_not_allowed_whether_known_or_not(
    method: str, name: str
) -> None:
    head = request(
        f"{method} /resumable_upload/{name}", naming(6), "Upload-Complete: ?1"
    )
    intent = read(head)
    assert isinstance(intent, Malformed)
    assert (intent.token, intent.problem) == (None, Problem.METHOD_NOT_ALLOWED)
    assert method in intent.detail


@pytest.mark.parametrize(
    "name",
    ["", "x", "A" * 42, "A" * 44, "A" * 42 + "%41", "A" * 43 + "/", "../" + "A" * 43],
    ids=lambda v: f"R17-{v!r}",
)
@pytest.mark.parametrize("method", ["HEAD", "GET", "PATCH", "DELETE", "OPTIONS"])
def test_a_name_that_is_no_token_is_an_unknown_upload(method: str, name: str) -> None:
    intent = read(request(f"{method} /resumable_upload/{name}", naming(6)))
    assert isinstance(intent, Malformed)
    assert (intent.token, intent.problem) == (None, Problem.UNKNOWN_UPLOAD)


@pytest.mark.parametrize("version", [5, 6, 10])
def test_r18_post_may_stand_for_other_methods(version: int) -> None:
    override = "X-HTTP-Method-Override: "
    patch = append(version, "Content-Length: 60")
    posted = Head(
        "POST", patch.target, (*patch.fields, (b"X-HTTP-Method-Override", b"PATCH"))
    )
    assert read(posted) == read(patch)
    asked = request(f"POST {UPLOAD}", naming(version), override + "HEAD")
    assert read(asked) == AskOffset(TOKEN)
    gone = request(f"POST {UPLOAD}", naming(version), override + "DELETE")
    assert read(gone) == Cancel(TOKEN)


@pytest.mark.parametrize(
    "head",
    [
        request(f"PUT {UPLOAD}", "X-HTTP-Method-Override: PATCH"),
        request(f"POST {UPLOAD}", "X-HTTP-Method-Override: PUT"),
        request(f"POST {UPLOAD}", "X-HTTP-Method-Override: HEAD, HEAD"),
    ],
    ids=["R18-only-POST", "R18-only-ours", "R18-only-once"],
)
def test_r18_nothing_else_is_overridden(head: Head) -> None:
    intent = read(head)
    assert isinstance(intent, Malformed)
    assert intent.problem is Problem.METHOD_NOT_ALLOWED


def test_r18_nothing_is_overridden_beside_uploads() -> None:
    head = request(
        "POST /photos",
        naming(6),
        "Upload-Complete: ?1",
        "X-HTTP-Method-Override: DELETE",
    )
    assert isinstance(read(head), Create)


CONTRARY = [
    *(
        pytest.param(naming(version), "Upload-Incomplete: ?1", id=f"R9-v{version}")
        for version in VERSIONS[1:]
    ),
    pytest.param(naming(3), "Upload-Complete: ?0", id="R9-v3"),
    pytest.param(naming(11), "Upload-Incomplete: ?1", id="R9-unknown"),
    pytest.param("X: no version", "Upload-Incomplete: ?1", id="R9-none"),
]


@pytest.mark.parametrize("rfc", [False, True])
@pytest.mark.parametrize(("version", "says"), CONTRARY)
@pytest.mark.parametrize(
    "beside", ["X: nothing", "Upload-Complete: ?1", "Upload-Incomplete: ?0"]
)
def test_r9_a_part_in_the_wrong_words_never_reaches_the_origin(
    version: str, says: str, beside: str, rfc: bool
) -> None:
    lines = [says] if beside.partition(":")[0] in says else [says, beside]
    intent = read(request("POST /photos", version, *lines), dialects(rfc=rfc))
    assert isinstance(intent, Malformed)
    assert (intent.token, intent.problem) == (None, Problem.MALFORMED)


@each_version
def test_r9_what_only_repeats_that_it_is_complete_is_ignored(version: int) -> None:
    other = "Upload-Complete: ?1" if version == 3 else "Upload-Incomplete: ?0"
    for says, finishing in ((complete(version), True), (partial(version), False)):
        intent = read(request("POST /photos", naming(version), says, other))
        assert isinstance(intent, Create)
        assert intent.finishing is finishing


def test_r13_the_rfc_form_needs_no_version_and_gets_no_104() -> None:
    head = request("POST /photos", "Upload-Complete: ?1", "Content-Length: 5")
    dialect = chosen(head, dialects(rfc=True))
    assert (dialect.version, dialect.spoken) == (None, True)
    assert not dialect.interims
    intent = dialect.read(head)
    assert isinstance(intent, Create)
    assert (intent.finishing, intent.interims, intent.version) == (True, False, None)


def test_r13_the_rfc_form_leaves_other_versions_alone() -> None:
    both = dialects(rfc=True)
    for version in VERSIONS:
        head = request("POST /photos", naming(version), complete(version))
        assert chosen(head, both).version == version


@each_version
def test_r22_no_104_over_http_1_0(version: int) -> None:
    head = request("POST /photos", naming(version), complete(version), http_1_0=True)
    dialect = chosen(head)
    assert (dialect.version, dialect.interims) == (version, False)
    intent = dialect.read(head)
    assert isinstance(intent, Create)
    assert not intent.interims


def test_r10_names_are_the_same_in_capitals_and_limits_of_clients_are_ignored() -> None:
    head = request(
        "POST /photos",
        "UPLOAD-DRAFT-INTEROP-VERSION: 6",
        "upload-complete: ?1",
        "upload-LENGTH: 7",
        "Upload-Limit: max-size=1",
        "content-length: 7",
    )
    intent = read(head)
    assert isinstance(intent, Create)
    assert (intent.version, intent.announced_length, intent.content_length) == (6, 7, 7)


def test_a_dialect_reads_nothing_into_an_ordinary_request() -> None:
    dialect = chosen(request("POST /photos", naming(6), "Upload-Complete: ?1"))
    assert dialect.read(request("POST /photos", naming(6))) is None
    assert dialect.read(request("GET /photos", "Upload-Complete: ?1")) is None


def test_r80_discovery_names_only_versions_that_were_sent_and_are_spoken() -> None:
    chooser = dialects((3, 6))

    def told(*lines: str) -> dict[str, str]:
        head = request("OPTIONS /photos", *lines)
        return by_name(chooser.discovery(head, Limits()))

    assert told(naming(6))["Upload-Draft-Interop-Version"] == "6"
    assert chooser.version(request("OPTIONS /", naming(6))) == 6
    for lines in ((), (naming(7),), (naming("six"),)):
        assert "Upload-Draft-Interop-Version" not in told(*lines)
        assert chooser.version(request("OPTIONS /", *lines)) is None


def test_the_media_type_of_a_creation_says_nothing() -> None:
    assert read(request("POST /photos", naming(6), MEDIA_TYPE)) is None
