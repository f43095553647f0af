"""What a record and the size of its body make together: the upload as it stands.

Pure: sizes come in, an ``Upload`` with its offset goes out, or ``UploadLost``. The one
invariant is P1: no offset leaves here that lies below what was acknowledged, and after
a reboot none that lies above it while bytes may still be added.
"""

from __future__ import annotations

from proxy.core.errors import UploadLost
from proxy.core.lifecycle import TERMINAL
from proxy.core.upload import State, Upload
from proxy.core.values import replace

UNFINISHED = frozenset({State.COMPLETE, State.FORWARDING})
"""All bytes are in and no answer is: these have work to be done after a restart."""

_WHOLE = UNFINISHED | {State.UNKNOWN}
"""The body is all there, and needed."""


_SENT = frozenset({State.FORWARDING, State.UNKNOWN})
"""The request may have left."""


def measured(upload: Upload, size: int | None) -> Upload:
    """`upload` with its offset, from the bytes of its body; None when it has no body.

    One that has been answered needs its body no more: whatever is left of it, the
    offset is the length. One that is over is not judged at all.

    Raises:
        UploadLost: the body is shorter than what was acknowledged, or not whole
            although it was.
    """
    if upload.state is State.RESPONDED and upload.length is not None:
        return replace(upload, offset=upload.length)
    if upload.state is State.RESPONDED or upload.state in TERMINAL:
        return replace(upload, offset=size or 0)
    if upload.state is State.UNKNOWN and upload.acknowledged != upload.length:
        # Found so after a power loss, see `after_reboot`: it stands as it stood then.
        return replace(upload, offset=upload.length or 0)
    if size is None:
        raise UploadLost(
            f"its body is gone, {upload.acknowledged} bytes were told", upload
        )
    if size < upload.acknowledged:
        raise UploadLost(
            f"its body has {size} bytes, {upload.acknowledged} were acknowledged",
            upload,
        )
    if upload.state in _WHOLE and size != upload.length:
        raise UploadLost(
            f"its body has {size} bytes, it was whole with {upload.length}", upload
        )
    return replace(upload, offset=size)


def after_reboot(upload: Upload, size: int | None) -> Upload:
    """The same for a record of an earlier boot; its offset is what the body is cut to.

    What had not been acknowledged may never have reached the disk, whatever the size
    says: a file system may write a size before the contents, and reads zeros in the
    gap. So it is given up, as long as the client can send it again. An upload that was
    COMPLETE but not acknowledged to its end goes back to INTERRUPTED for that: nothing
    short or hollow is ever forwarded. FORWARDING and UNKNOWN cannot go back, since the
    origin may have had the request; they stand, whatever has become of their body.

    Raises:
        UploadLost: as ``measured`` does.
    """
    if upload.state is State.COMPLETE and upload.acknowledged != upload.length:
        upload = replace(
            upload,
            state=State.INTERRUPTED,
            why="the machine went down before the whole body was on the disk",
        )
    if upload.state in _SENT and upload.acknowledged != upload.length:
        # The origin may have had it: unknown is said aloud, not told as lost. Nobody
        # will be promised these bytes, and a forward compares their number first.
        return replace(upload, offset=upload.length or 0)
    found = measured(upload, size)
    if may_grow(found):
        return replace(found, offset=found.acknowledged)
    return found


def may_grow(upload: Upload) -> bool:
    """Whether bytes may still be added to the body."""
    return upload.state in (State.CREATED, State.RECEIVING, State.INTERRUPTED)
