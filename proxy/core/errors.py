"""Everything that can go wrong, in four families by whose fault it is.

``Refusal``: the request asks for what it cannot have; ``server`` words it in the
client's dialect. ``ClientGone``: the client's connection is over; ``server`` closes it.
``SpoolError``: our storage; ``uploads`` makes it a Refusal, ``reception`` a cut for who
needs one (R97); what no client waits for is logged, in ``forward``, ``deliveries`` and
``sweep``. ``OriginError``: the origin; ``forward`` records it for an upload, ``relay``
and ``server`` answer it for the rest. Foreign exceptions are translated into these at
the edge that met them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .lifecycle import Event
from .upload import Answer, Limits, Standing, Upload


class Problem(StrEnum):
    """Why a request is refused. The dialect gives each a status and a problem type."""

    MALFORMED = "malformed"
    """A field is missing, wrong, or forbidden here (R6, R7, R9, R34, R43, R52, R72)."""
    UNKNOWN_UPLOAD = "unknown-upload"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    WRONG_MEDIA_TYPE = "wrong-media-type"
    OFFSET_MISMATCH = "offset-mismatch"
    LENGTH_CONFLICT = "length-conflict"
    """Length indicators disagree (R26 to R28, R54, R55)."""
    OVERRUN = "overrun"
    """More content than the recorded length leaves room for (R56)."""
    TOO_LARGE = "too-large"
    """Over max-size or max-append-size (R29 to R31, R57)."""
    TOO_SMALL = "too-small"
    """Under min-append-size (R32, R58)."""
    ALREADY_FINISHED = "already-finished"
    """An append other than the empty finishing one, to an upload that the origin has
    answered (R60)."""
    ANSWER_NOT_KEPT = "answer-not-kept"
    OUTCOME_UNKNOWN = "outcome-unknown"
    ORIGIN_DOWN = "origin-down"
    STORAGE = "storage"
    """The spool cannot take bytes now (R38, R97)."""
    NO_ROOM = "no-room"
    """What is missing of the upload would take the spool over a bound (R38)."""
    TOO_MANY = "too-many-uploads"
    """The client has as many open uploads as it may have."""
    NOT_AUTHORISED = "not-authorised"
    """Who decides about that does not let it through."""
    AUTH_DOWN = "auth-down"
    """Who decides about that cannot be asked."""
    ROUTE_MISSING = "route-missing"
    """The route that the upload began with is not configured any more."""
    UNAVAILABLE = "unavailable"
    """Stopping, or an older request of the same upload does not let go."""


@dataclass(frozen=True, slots=True)
class Denial:
    """The answer of an auth server that does not let a request through."""

    answer: Answer
    content: bytes


@dataclass(eq=False)
class Refusal(Exception):
    """A request that gets a clear answer instead of what it asked for."""

    problem: Problem
    detail: str
    """One sentence for people; names the field, what was expected and what came."""
    standing: Standing | None = None
    """Where the upload stands, when it is alive and may be told of."""
    event: Event | None = None
    """What the request did to the upload all the same (an overrun that kills it)."""
    expected_offset: int | None = None
    provided_offset: int | None = None
    has_content: bool = False
    """The refused append announced or sent content (R60 tells them apart)."""
    original_status: int | None = None
    """With ANSWER_NOT_KEPT: the status the origin gave."""
    retry_after_s: int | None = None
    limits: Limits | None = None
    """Limits that a refused creation is held to: it has no standing to tell them."""
    denial: Denial | None = None
    """With NOT_AUTHORISED: what the client gets instead of a problem document."""

    def __str__(self) -> str:
        return f"{self.problem.value}: {self.detail}"


class Gone(StrEnum):
    """Why the body of a request will not come to its end."""

    CUT = "cut"
    """The connection ended, by FIN, RST or a framing error."""
    IDLE = "idle"
    """No byte for `uploads.idle_timeout`."""
    SLOW = "slow"
    """Fewer bytes than `uploads.minimum_rate` asks for."""
    SUPERSEDED = "superseded"
    """A newer request for the same upload has come (P6)."""
    STOPPING = "stopping"
    """The proxy is stopping."""


class ClientGone(Exception):
    """The client cannot be answered on this connection, which is to be closed."""

    def __init__(self, why: Gone) -> None:
        super().__init__(why.value)
        self.why = why


class SpoolError(Exception):
    """Our storage failed. What had been acknowledged before is still there."""


class NoRoom(SpoolError):
    """More has come than there is room for, by the bounds of the spool; its disk is
    well."""


class StillFailing(SpoolError):
    """It has failed before, which was told then, and does not work yet."""


class InDoubt(SpoolError):
    """The disk has failed under stored bytes: others may be found in their place."""


class UploadMissing(SpoolError):
    """There is no upload of this token."""


class UploadLost(SpoolError):
    """There is a record, but its body is shorter than what was acknowledged, or it
    cannot be read: told to clients as unknown (R48), to the operator as loud as can be.
    """

    def __init__(self, message: str, upload: Upload | None = None) -> None:
        super().__init__(message)
        self.upload = upload
        """As recorded; None when the record cannot be read."""


class UploadTorn(UploadLost):
    """The record is there in part, as a power loss leaves one that was never durable:
    its client was told a URL at most."""


class UploadTooNew(UploadLost):
    """The record was written by a newer release, in a format this one does not know."""


class AuthSilent(Exception):
    """Nobody can say whether the request may be sent: it has not been."""


class OriginError(Exception):
    """The exchange with the origin came to no answer."""


class OriginUnreached(OriginError):
    """No connection, hence surely no request: it may be tried again."""


class OriginCut(OriginError):
    """The connection ended before the kernel had taken the whole request: the origin
    cannot have seen a complete one, it may be tried again."""


class BodyUnreadableError(OriginCut):
    """The same, because our own storage gave no more of the body: the origin is not to
    blame."""


class OriginLost(OriginError):
    """The whole request left and no answer came: it must not be tried again unasked."""
