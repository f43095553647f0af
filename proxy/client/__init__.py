"""A client of resumable uploads, for whoever asks from the other side of the wire.

    front      uploads begun and resumed, with asyncio and without; outcome: how it went
    running    an upload under way, which recovers by itself
    decide     what to do next, pure; with creating, steps, parts, acts
    known      what is known of an upload; resumption: that, kept
    requests   what is sent; speech: how each version says it; limits, fields, digests
    sources    where the bytes come from; exchange: one request and its answer
    target     URLs, taken apart, pure
    wire       HTTP/1.1 over one connection, so that interim responses are seen

It knows nothing of the proxy but the protocol, and imports none of its rooms.
"""

from .failures import Reason, UploadFailed, UploadPaused
from .front import resume, resume_sync, upload, upload_sync
from .known import Policy
from .outcome import Progress, Uploaded
from .resumption import ResumeData
from .running import Upload

__all__ = [
    "Policy",
    "Progress",
    "Reason",
    "ResumeData",
    "Upload",
    "UploadFailed",
    "UploadPaused",
    "Uploaded",
    "resume",
    "resume_sync",
    "upload",
    "upload_sync",
]
