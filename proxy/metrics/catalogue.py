"""Every metric there is: its name, type, meaning, labels and buckets.

Names, labels and buckets are a promise to dashboards and alert rules outside of this
project; the documentation and the examples in ``config/`` are held against this table.
No label has values that a client can choose. The one invariant: a metric means the same
in one process and in the total of several.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["counter", "gauge", "histogram"]
Across = Literal["sum", "most", "least", "latest"]
"""How gauges of several processes become one. ``latest``: of that which was set last;
its values are pairs of when, in seconds of the machine's monotonic clock, and what."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One family of series."""

    name: str
    """Without the `_total` of counters."""
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Upper ends, in the unit of the name, without the infinite one."""
    across: Across = "sum"

    @property
    def told_as(self) -> str:
        """The name as it is queried; a histogram's has a suffix besides."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


def _counter(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(f"rup_{name}", "counter", meaning, labels)


def _gauge(name: str, meaning: str, *labels: str, across: Across = "sum") -> Metric:
    return Metric(f"rup_{name}", "gauge", meaning, labels, across=across)


def _histogram(
    name: str, meaning: str, buckets: tuple[float, ...], *labels: str
) -> Metric:
    return Metric(f"rup_{name}", "histogram", meaning, labels, buckets)


KI: Final = 2**10
MI: Final = 2**20
GI: Final = 2**30

REQUESTS: Final = _counter(
    "http_requests",
    "Requests answered; code 499: the connection ended without a whole answer",
    *("listener", "route", "method", "code"),
)
REQUEST_SECONDS: Final = _histogram(
    "http_request_duration_seconds",
    "From the head of a request to the end of its answer",
    (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600),
    *("listener", "route", "method"),
)
IN_FLIGHT: Final = _gauge(
    "http_requests_in_flight", "Requests being answered", "listener"
)
CONNECTIONS: Final = _gauge("connections_open", "Connections of clients", "listener")
REQUEST_BYTES: Final = _counter(
    "http_request_body_bytes", "Bytes of content that came in requests", "route"
)
RESPONSE_BYTES: Final = _counter(
    "http_response_bytes", "Bytes of responses, with their heads", "route"
)
REJECTED: Final = _counter(
    "http_rejected",
    "Requests and connections turned away before anybody looked what they want",
    *("listener", "reason"),
)

STARTED: Final = _counter(
    "uploads_started", "Uploads begun, by the version spoken", *("route", "dialect")
)
FINISHED: Final = _counter(
    "uploads_finished",
    "Uploads whose end is known; unknown: nobody knows what the origin did",
    *("route", "outcome"),
)
ACTIVE: Final = _gauge(
    "uploads_active",
    "Uploads by what they are at; idle and unknown as the sweep found them last",
    *("route", "state"),
)
UPLOAD_BYTES: Final = _histogram(
    "upload_size_bytes",
    "Length of uploads that became complete",
    (64 * KI, MI, 16 * MI, 128 * MI, 512 * MI, GI, 4 * GI, 16 * GI, 64 * GI),
    "route",
)
UPLOAD_SECONDS: Final = _histogram(
    "upload_duration_seconds",
    "From the creation of an upload to its last byte",
    (1, 5, 15, 60, 300, 900, 3600, 14400, 86400, 604800),
    "route",
)
UPLOAD_REQUESTS: Final = _histogram(
    "upload_requests_per_upload",
    "Requests that uploads took to become complete: the creation and appends",
    (1, 2, 3, 5, 10, 25, 50, 100),
    "route",
)
RESUMPTIONS: Final = _counter(
    "upload_resumptions", "Parts that went on where one had broken off", "route"
)
SAVED_BYTES: Final = _counter(
    "upload_bytes_saved", "Bytes that resumptions did not have to send again", "route"
)
INTERRUPTIONS: Final = _counter(
    "upload_interruptions",
    "Parts that broke off; superseded: a newer request took over",
    *("route", "cause"),
)
OFFSET_CONFLICTS: Final = _counter(
    "upload_offset_conflicts", "Appends refused for their offset", "route"
)
INTERIMS: Final = _counter(
    "upload_interim_responses", "104s sent, and those that could not be", "kind"
)
LOCK_SECONDS: Final = _histogram(
    "upload_lock_wait_seconds",
    "Until a request had its upload to itself",
    (0.001, 0.01, 0.1, 0.5, 1, 5, 20),
)

USED_BYTES: Final = _gauge(
    "spool_used_bytes",
    "Bytes of bodies, answers and records in the spool",
    across="most",
)
LIMIT_BYTES: Final = _gauge(
    "spool_limit_bytes", "Bytes that they may take; absent without", across="most"
)
FREE_BYTES: Final = _gauge(
    "spool_free_bytes", "Bytes free on its file system", across="least"
)
ROOM_BYTES: Final = _gauge(
    "spool_room_bytes",
    "Bytes that uploads may still be granted, by quota, floor and what is promised",
    across="least",
)
SPOOL_UPLOADS: Final = _gauge(
    "spool_uploads", "Uploads in the spool, answered ones too, as swept last"
)
OLDEST_SECONDS: Final = _gauge(
    "spool_oldest_upload_age_seconds",
    "Age of the oldest upload that was not answered, as swept last",
    across="most",
)
WRITTEN_BYTES: Final = _counter(
    "spool_written_bytes", "Bytes of bodies and answers written to files"
)
RECLAIMED_BYTES: Final = _counter(
    "spool_reclaimed_bytes", "Bytes of bodies and answers removed"
)
SYNC_SECONDS: Final = _histogram(
    "spool_fsync_duration_seconds",
    "Making a body or a record durable",
    (0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5),
)
SPOOL_ERRORS: Final = _counter(
    "spool_errors", "Times the system failed the spool, by its name for it", "errno"
)
RECOVERED: Final = _counter(
    "spool_recovered_uploads",
    "Uploads found after a crash or a stop, by what they are since",
    "result",
)

ORIGIN_REQUESTS: Final = _counter(
    "origin_requests",
    "Requests to the origin by its answer; code none: it gave none",
    *("origin", "route", "code"),
)
ORIGIN_SECONDS: Final = _histogram(
    "origin_request_duration_seconds",
    "Phases of forwards and short requests: connect, send, wait (for the answer)",
    (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600),
    *("origin", "phase"),
)
ORIGIN_ERRORS: Final = _counter(
    "origin_errors", "Requests that got no answer, by why", *("origin", "error")
)
ORIGIN_UP: Final = _gauge(
    "origin_up",
    "1 when the last request reached the origin, 0 when it did not",
    "origin",
    across="latest",
)
ORIGIN_CONNECTIONS: Final = _gauge(
    "origin_connections",
    "Open connections to the origin; busy: one carries a request or is a tunnel",
    *("origin", "state"),
)
FORWARDED_BYTES: Final = _counter(
    "origin_forwarded_bytes",
    "Bytes of content sent on, of uploads and of short requests",
    "origin",
)
AUTH_REQUESTS: Final = _counter(
    "auth_requests",
    "Questions who may upload, by what was answered; silent: nothing",
    "outcome",
)
AUTH_SECONDS: Final = _histogram(
    "auth_request_duration_seconds",
    "From such a question to its answer, the wait for its turn included",
    (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
FORWARDS: Final = _counter(
    "forwards",
    "Attempts to send a complete upload on, by outcome and number of the attempt",
    *("route", "outcome", "attempt"),
)
RETRIES: Final = _counter("origin_retries", "Attempts after the first", "route")
QUEUE: Final = _gauge(
    "forward_queue_uploads", "Complete uploads that wait for an attempt", "route"
)
QUEUE_SECONDS: Final = _gauge(
    "forward_oldest_age_seconds",
    "Since the last byte of the upload that has waited longest; 0: none waits",
    "route",
    across="most",
)

DRAINING: Final = _gauge("draining", "1 once the proxy drains or stops", across="most")
SERVING: Final = _gauge("workers_serving", "Processes that serve clients")
DIED: Final = _counter("workers_died", "Workers that ended unasked or not in order")
CERTIFICATE: Final = _gauge(
    "tls_certificate_expiry_timestamp_seconds",
    "Until when a certificate in use is valid, since the epoch, by its file",
    "cert",
    across="least",
)
RELOADED: Final = _gauge(
    "config_last_reload_successful",
    "1 when the configuration that was read last is in effect",
    across="least",
)
RELOADED_AT: Final = _gauge(
    "config_last_reload_success_timestamp_seconds",
    "When the configuration was last taken into effect, since the epoch",
    across="latest",
)
RELOADS: Final = _counter(
    "config_reloads",
    "Times the configuration was read again, by what came of it",
    "result",
)
LAG_SECONDS: Final = _histogram(
    "event_loop_lag_seconds",
    "How late the event loop is",
    (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
BUILD: Final = _gauge(
    "build_info", "Always 1", *("version", "revision", "python"), across="most"
)

OWN: Final = tuple(
    metric for metric in list(vars().values()) if isinstance(metric, Metric)
)
"""All of ours, in the order in which they are told."""

PROCESS: Final = (
    Metric("process_virtual_memory_bytes", "gauge", "Virtual memory, all processes"),
    Metric("process_resident_memory_bytes", "gauge", "Resident memory, all processes"),
    Metric(
        "process_start_time_seconds",
        "gauge",
        "When the first process started, since the epoch",
        across="least",
    ),
    Metric("process_cpu_seconds", "counter", "Processor time, all processes"),
    Metric("process_open_fds", "gauge", "Open descriptors, all processes"),
    Metric("process_max_fds", "gauge", "Descriptors allowed, all processes"),
    *(
        Metric(f"python_gc_{name}", "counter", meaning, ("generation",))
        for name, meaning in (
            ("objects_collected", "Objects collected"),
            ("objects_uncollectable", "Objects that cannot be collected"),
            ("collections", "Collections"),
        )
    ),
    Metric(
        "python_info",
        "gauge",
        "Always 1",
        ("version", "implementation", "major", "minor", "patchlevel"),
        across="most",
    ),
)
"""What prometheus_client tells of a process, in its words."""

METRICS: Final = {metric.name: metric for metric in (*OWN, *PROCESS)}
