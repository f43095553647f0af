"""Spans by OpenTelemetry, sent to a collector by OTLP over HTTP.

What clients say of their trace is taken over; what the origin gets names the span that
it is asked in. A forward goes on with the trace of the creation, whose span the record
knows, since it is in the stored head; requests that carried further parts are linked,
as far as this process has seen them. Exporting is the business of a thread of the
library; when it cannot, spans are dropped and the log says so once a while. The one
invariant: nothing here waits for the collector.

Source: W3C Trace Context; OpenTelemetry "Semantic Conventions for HTTP Spans".
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final
from uuid import uuid4

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import (
    SERVICE_INSTANCE_ID,
    SERVICE_NAME,
    SERVICE_VERSION,
    OTELResourceDetector,
    Resource,
)
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import (
    TraceContextTextMapPropagator,
)
from structlog.typing import FilteringBoundLogger

from proxy.core.intents import Append, Create, Intent
from proxy.core.upload import Fields, Head, Token, Upload, shortened, without_tokens
from proxy.spans import Span

CARRIED_UPLOADS: Final = 4096
"""Uploads whose requests are remembered to be linked, some 2 KiB each at most; then the
oldest is forgotten. Picked by hand."""
LINKS: Final = 16
"""Of one upload, the latest."""
COMPLAINT_S: Final = 60.0
"""Seconds between two lines about a collector that takes nothing."""
FAREWELL_S: Final = 2.0
"""Seconds for what is left when the process stops."""
_PARENT: Final = "traceparent"
_STATE: Final = "tracestate"
_FIELDS: Final = frozenset({_PARENT.encode(), _STATE.encode()})
_METHODS: Final = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
)
_W3C: Final = TraceContextTextMapPropagator()


class Tracing:
    """Makes the spans of one process."""

    def __init__(
        self,
        log: FilteringBoundLogger,
        version: str,
        processor: SpanProcessor | None = None,
    ) -> None:
        """`processor`: gets the spans that have ended; None: they are exported as the
        variables OTEL_* of the environment say."""
        _listen_to_the_library(log)
        ours = {
            SERVICE_NAME: "upload-proxy",
            SERVICE_VERSION: version,
            SERVICE_INSTANCE_ID: str(uuid4()),
        }
        # What the environment says of the service wins over what we say.
        resource = Resource.create(ours).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(
            BatchSpanProcessor(OTLPSpanExporter()) if processor is None else processor
        )
        self._tracer = self._provider.get_tracer("upload-proxy", version)
        self._carried: OrderedDict[Token, list[trace.SpanContext]] = OrderedDict()

    def request(self, head: Head, client: str, scheme: str) -> Span:
        """See ``Spans``."""
        told: dict[str, str | int] = {
            "http.request.method": _method(head),
            "url.scheme": scheme,
            "url.path": without_tokens(head.path),
            "network.protocol.version": "1.0" if head.http_1_0 else "1.1",
        }
        if client:
            told["client.address"] = client
        span = self._tracer.start_span(
            _method(head),
            _context_of(head),
            trace.SpanKind.SERVER,
            attributes=told,
        )
        return _Made(span, self._carry)

    def forward(self, upload: Upload) -> Span:
        """See ``Spans``."""
        context = _context_of(upload.request)
        parent = trace.get_current_span(context).get_span_context()
        links = [
            trace.Link(one)
            for one in self._carried.get(upload.token, ())
            if one.span_id != parent.span_id
        ]
        span = self._tracer.start_span(
            "upload forward",
            context,
            trace.SpanKind.CLIENT,
            attributes={
                "http.request.method": _method(upload.request),
                "upload.attempt": upload.attempts + 1,
                "upload.bytes": upload.offset,
            },
            links=links,
        )
        made = _Made(span, self._carry)
        made.about(upload, None)
        return made

    def close(self) -> None:
        """Send what is left, within `FAREWELL_S`, as far as somebody takes it."""
        # A thread that is not waited for: one that hangs must not hold up the end.
        last = threading.Thread(target=self._provider.shutdown, daemon=True)
        last.start()
        last.join(FAREWELL_S)

    def _carry(self, token: Token, span: trace.SpanContext) -> None:
        carried = self._carried.setdefault(token, [])
        if span not in carried:
            carried.append(span)
        del carried[:-LINKS]
        self._carried.move_to_end(token)
        if len(self._carried) > CARRIED_UPLOADS:
            self._carried.popitem(last=False)


class _Made:
    """One span."""

    def __init__(
        self, span: trace.Span, carry: Callable[[Token, trace.SpanContext], None]
    ) -> None:
        self._span = span
        self._carry = carry

    def onward(self, head: Head) -> Head:
        """See ``Span``: instead of what the head says of a trace. Its state stays when
        it is that of the same trace."""
        context = trace.set_span_in_context(self._span)
        told: dict[str, str] = {}
        _W3C.inject(told, context)
        kept = tuple(one for one in head.fields if one[0].lower() not in _FIELDS)
        ours: Fields = tuple(
            (name.encode("ascii"), value.encode("ascii"))
            for name, value in told.items()
        )
        return replace(head, fields=kept + ours)

    def about(self, upload: Upload, intent: Intent | None) -> None:
        """See ``Span``."""
        self._set(
            {
                "upload.token": shortened(upload.token),
                "upload.state": upload.state.value,
                "upload.offset": upload.offset,
                "upload.route": upload.route,
            }
        )
        if upload.version is not None:
            self._set({"upload.version": upload.version})
        if upload.length is not None:
            self._set({"upload.length": upload.length})
        if isinstance(intent, Create | Append):
            self._carry(upload.token, self._span.get_span_context())

    def answered(self, status: int, told: Mapping[str, str | int]) -> None:
        """See ``Span``."""
        self._set({"http.response.status_code": status, **told})
        if "upload.op" in told:
            self._span.update_name(f"upload {told['upload.op']}")
        if status >= 500:
            self._set({"error.type": str(status)})
            self._span.set_status(trace.StatusCode.ERROR)
        self._span.end()

    def failed(self, why: str) -> None:
        """See ``Span``."""
        self._set({"error.type": "no-answer"})
        self._span.set_status(trace.StatusCode.ERROR, why)
        self._span.end()

    def _set(self, told: Mapping[str, str | int]) -> None:
        self._span.set_attributes(told)


class _Complaints(logging.Handler):
    """What the library has to say, in our log, seldom."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        super().__init__(logging.WARNING)
        self._log = log
        self._silent_until = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        now = time.monotonic()
        if now >= self._silent_until:
            self._silent_until = now + COMPLAINT_S
            self._log.warning("traces not exported", why=record.getMessage())


def _listen_to_the_library(log: FilteringBoundLogger) -> None:
    """Have it say nothing elsewhere: by itself it writes to standard error."""
    library = logging.getLogger("opentelemetry")
    library.propagate = False
    library.handlers[:] = [_Complaints(log)]


def _context_of(head: Head) -> Context:
    """The trace that `head` belongs to; empty when it says none, or nonsense."""
    said = {
        name: value.decode("latin-1")
        for name in (_PARENT, _STATE)
        if (value := head.value(name.encode())) is not None
    }
    return _W3C.extract(said, Context())


def _method(head: Head) -> str:
    return head.method if head.method in _METHODS else "_OTHER"
