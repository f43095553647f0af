"""The keys of uploads: what may become one, its bounds, and where it is kept.

As in ``model``: what stands under a field is its documentation.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    Field,
    ValidationInfo,
    field_validator,
)

from proxy.core.matching import Rule

from . import kinds, places
from .quantities import (
    INTEROP_VERSIONS,
    WrongValue,
    duration_text,
    size_within,
)
from .section import Section


class Match(Section):
    """One kind of request; what is not said fits every request."""

    methods: kinds.Methods = ()
    """Methods, in capitals."""
    paths: kinds.Paths = ()
    """Paths as they stand in the request, not decoded; * stands for any characters."""
    media_types: kinds.MediaTypes = ()
    """Media types of the content, without parameters; image/* for all images."""
    host: kinds.Host = None
    """Host of the request, without port; *.example.com for every name below it."""

    @property
    def rule(self) -> Rule:
        """The same, to be held against requests."""
        return Rule(self.methods, self.paths, self.media_types, self.host)


class Limits(Section):
    """What an upload may be: told to clients, and fixed for each when it begins."""

    max_size: kinds.Bound = None
    """Bytes of a whole upload; null: no limit but `spool.quota`.

    Danger: without a limit one client can take up all the room that the spool has."""
    min_size: kinds.Size = 0
    """Bytes below which an upload is not made resumable. It is not refused."""
    max_append_size: kinds.Bound = None
    """Bytes of one request of an upload; null: no limit. Of use when something in front
    refuses large requests."""
    min_append_size: kinds.Size = 0
    """Bytes of every request of an upload but the last."""
    max_age: kinds.Span = 86400.0
    """How long an upload is kept after its last byte; at most seven times as long after
    its beginning."""

    @field_validator("min_size")
    @classmethod
    def _min_size(cls, value: int, info: ValidationInfo) -> int:
        return size_within(value, "max_size", info.data)

    @field_validator("min_append_size")
    @classmethod
    def _min_append_size(cls, value: int, info: ValidationInfo) -> int:
        return size_within(value, "max_append_size", info.data)


class Uploads(Section):
    """Which requests become uploads, and how long they and their answers are kept."""

    path: kinds.UploadsPath = "/resumable_upload/"
    """Path below which upload resources live, with a slash at both ends. Requests below
    it never reach the origin.

    Danger: when it is changed, clients of uploads that are open still ask below the one
    before, and what they ask and send goes to the origin as any other request does."""
    match: tuple[Match, ...] = ()
    """Which requests may become uploads: a list of {methods, paths, media_types, host},
    where all that one item says has to fit. Empty: every request that asks for it.
    Others are passed through."""
    versions: kinds.Versions = INTEROP_VERSIONS
    """Versions of the protocol that are spoken; rfc adds requests that name no version.

    Danger: the drafts forbid the interim response 104 to clients that name no version
    until the RFC is out; some may not survive it."""
    limits: Limits = Limits()
    """What an upload may be."""
    max_open: kinds.Most = 100_000
    """Uploads that may be open in all, from their beginning until the origin has
    answered; one more is refused with 507. null: no limit. To count one takes about 250
    bytes of memory; a round through so many records, some minutes.

    Danger: what clients begin and abandon counts until `limits.max_age` has passed."""
    max_per_client: kinds.Most = None
    """Uploads that one client may have at the same time, from their beginning until the
    origin has answered; one more is refused with 429. null: no limit. A client is an
    address, as far as trusted fronts tell; of IPv6, the first 64 bits of one.

    Danger: users behind one address share it, and behind a front that is not in
    trusted_proxies all users do."""
    keep_answer: Annotated[kinds.Duration, Field(validate_default=True)] = 3600.0
    """How long the origin's answer is kept for a client that lost it; at most
    `limits.max_age`. Its status is kept as long as the upload."""
    keep_answer_size: kinds.Size = 2**20
    """Bytes of an answer's content that are kept. A larger one still reaches the client
    that waits for it, but cannot be had again."""
    idle_timeout: kinds.Span = 60.0
    """How long a client may pause while it sends; then its request is ended and what it
    sent is kept."""
    minimum_rate: kinds.Size = 0
    """Bytes a second that a client has to send, measured over a minute of waiting for
    it; with fewer its request is ended and what it sent is kept. For requests that are
    passed through as well. 0: any rate will do.

    Danger: clients on networks that are slower for a minute are cut again and again,
    and one that cannot resume never gets through."""
    finish_stalled_after: kinds.Wait = None
    """How long after its last byte an upload whose length is reached, but which no
    request has ended, is taken for whole and sent to the origin all the same; null:
    never. For clients that never say which part is the last, such as tus-js-client in
    Node with a file stream.

    Danger: by the protocol only the client says that an upload is whole; one that meant
    to cancel it now gets it delivered."""

    @field_validator("keep_answer")
    @classmethod
    def _keep_answer(cls, value: float, info: ValidationInfo) -> float:
        limits = info.data.get("limits")
        if limits is not None and value > limits.max_age:
            longest = f"at most limits.max_age ({duration_text(limits.max_age)})"
            raise WrongValue(longest, got=duration_text(value))
        return value


class Spool(Section):
    """Where the bytes of uploads rest until the origin has them."""

    directory: kinds.Directory = Field(default_factory=places.default_directory)
    """A directory on a disk with room for every upload that is under way. It is made
    when it is not there, and used with the rights it has when it is. A relative path
    starts where the command was started. null: STATE_DIRECTORY where systemd sets it,
    else upload-proxy below XDG_STATE_HOME or ~/.local/state.

    Danger: on a disk in memory, or one that goes with the container, uploads are lost
    when that goes."""
    sync: Literal["acknowledged", "never"] = "acknowledged"
    """When bytes are forced to the disk: before a client is told that they are here, or
    never.

    Danger: with never, a power failure can take bytes that clients were told are safe;
    they have to start over."""
    memory_threshold: kinds.PieceSize = 2**20
    """Bytes of an upload, and no more, that is kept in memory as long as it need not be
    on the disk: when it comes in one piece and the origin answers within a second, the
    disk is not touched. All of them together take 16 MiB in each process, and as much
    for answers; what finds no room there is on the disk. 0: every upload is on the disk
    from its beginning.

    Danger: when the process dies, such an upload and its answer are gone, and a client
    that was waiting for it starts over, though the origin may have had it. Clients that
    were told an offset lose nothing."""
    quota: kinds.Bound = None
    """Bytes that all stored bodies, answers and records may take; null: no bound but
    `free_floor`. An upload that is larger is refused with 413, one that does not fit
    just now with 507. Clients are told no larger `max_size` than this. Kept answers
    count, and are stored even when that takes it over.

    Danger: what clients begin and abandon counts until `uploads.limits.max_age` has
    passed."""
    free_floor: kinds.Reserve = None
    """Bytes that stay free on the spool's file system: an upload that would take more
    is refused with 507, and with fewer free /readyz says 503. null: the smaller of 1GiB
    and a twentieth of the file system. 0: nobody looks how much is free.

    Danger: with 0 the disk can be filled to its last byte, and uploads break off in the
    middle."""
