"""Traces: what is taken over, what is passed on, what spans say and what they link."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, format_span_id, format_trace_id

from proxy import choices
from proxy.app import App
from proxy.config import Config
from proxy.log import silent
from proxy.outfit import CannotStart
from proxy.tracing import Tracing
from tests.conftest import StartProxy
from tests.kit.bounds import BOUND_S
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reset
from tests.kit.process import COMMAND, ProxyProcess
from tests.kit.raw import Connection, request

VERSION = 9
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TOLD = (
    ("traceparent", f"00-{TRACE}-{PARENT}-01"),
    ("tracestate", "vendor=1"),
)


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """What the proxies of a test have exported."""
    made = InMemorySpanExporter()
    tracing = Tracing(silent(), "1", SimpleSpanProcessor(made))
    monkeypatch.setattr(choices, "tracing", lambda config, log: tracing)
    yield made
    tracing.close()


async def named(spans: InMemorySpanExporter, name: str) -> ReadableSpan:
    """The one span of this name, as soon as it has ended."""
    async with asyncio.timeout(BOUND_S):
        while True:
            found = [one for one in spans.get_finished_spans() if one.name == name]
            if found:
                assert len(found) == 1
                return found[0]
            await asyncio.sleep(0.01)


def ids(span: ReadableSpan) -> tuple[str, str]:
    return (
        format_trace_id(span.context.trace_id),
        format_span_id(span.context.span_id),
    )


def about(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def test_a_request_goes_on_with_the_trace_of_its_client(
    spans: InMemorySpanExporter, client: Client, origin: RecordingOrigin
) -> None:
    answer = await client.ask("GET", "/a?key=secret", *TOLD)
    assert answer.status == 200
    span = await named(spans, "GET")
    trace, own = ids(span)
    assert span.parent is not None
    assert (trace, format_span_id(span.parent.span_id)) == (TRACE, PARENT)
    assert span.kind is SpanKind.SERVER
    [told] = origin.requests
    assert told.all("traceparent") == [f"00-{TRACE}-{own}-01"]
    assert told.all("tracestate") == ["vendor=1"]
    said = about(span)
    assert said["http.response.status_code"] == 200
    assert (said["url.path"], said["client.address"]) == ("/a", "127.0.0.1")


@pytest.mark.parametrize("wrong", ["", "00-x", f"00-{'0' * 32}-{PARENT}-01"])
async def test_what_is_no_trace_begins_another(
    spans: InMemorySpanExporter, client: Client, origin: RecordingOrigin, wrong: str
) -> None:
    await client.ask("GET", "/", ("traceparent", wrong), ("tracestate", "a=1"))
    trace, own = ids(await named(spans, "GET"))
    [told] = origin.requests
    assert told.one("traceparent") in {
        f"00-{trace}-{own}-{flags}"
        for flags in ("01", "03")  # 02: made at random
    }
    assert origin.requests[0].all("tracestate") == []


async def test_without_traces_nothing_is_touched(
    client: Client, origin: RecordingOrigin
) -> None:
    await client.ask("GET", "/", *TOLD)
    upload = await client.create(VERSION, sends=b"a", fields=TOLD)
    assert upload.answer.status == 200
    for told in origin.requests:
        assert [(name, told.one(name)) for name, _ in TOLD] == list(TOLD)


@pytest.mark.configured(spool={"memory_threshold": 0})
async def test_a_forward_is_of_the_trace_of_the_creation_and_linked_to_the_rest(
    spans: InMemorySpanExporter, client: Client, origin: RecordingOrigin
) -> None:
    upload = await client.create(VERSION, last=False, sends=b"a" * 4, fields=TOLD)
    assert (await upload.append(at=4, sends=b"b" * 6)).status == 200
    creation, append, forward = [
        await named(spans, f"upload {what}") for what in ("create", "append", "forward")
    ]
    assert ids(creation)[0] == ids(forward)[0] == TRACE
    assert ids(append)[0] != TRACE
    assert forward.parent is not None
    assert format_span_id(forward.parent.span_id) == ids(creation)[1]
    assert forward.kind is SpanKind.CLIENT
    assert [link.context.span_id for link in forward.links] == [append.context.span_id]
    [told] = origin.requests
    assert told.all("traceparent") == [f"00-{TRACE}-{ids(forward)[1]}-01"]
    token = upload.path.rpartition("/")[2]
    said = about(append)
    assert said["upload.token"] == token[:6]
    assert (said["upload.state"], said["upload.offset"]) == ("interrupted", 4)
    assert (said["upload.version"], said["upload.received"]) == (VERSION, 6)
    assert token not in str(said)
    assert about(forward)["upload.bytes"] == 10
    assert about(forward)["http.response.status_code"] == 200


async def test_a_forward_by_another_process_knows_the_creation(
    spans: InMemorySpanExporter,
    start_proxy: StartProxy,
    restart_proxy: StartProxy,
    origin: RecordingOrigin,
) -> None:
    """Of the record, since the process that took the creation may be gone."""
    app = await start_proxy(spool={"memory_threshold": 0})
    client = Client(app.addresses[0])
    upload = await client.create(VERSION, last=False, sends=b"a", fields=TOLD)
    app._tracing = None  # closed with the process, and shared by those of this test
    other = Client((await restart_proxy()).addresses[0])
    assert (await upload.at(other).append(at=1, sends=b"b")).status == 200
    assert ids(await named(spans, "upload forward"))[0] == TRACE
    await client.close()
    await other.close()


async def test_a_forward_without_an_answer_is_an_error(
    spans: InMemorySpanExporter, client: Client, origin: RecordingOrigin
) -> None:
    origin.then(Reset())
    await client.create(VERSION, sends=b"a")
    forward = await named(spans, "upload forward")
    assert not forward.status.is_ok
    assert forward.status.description


class Collector:
    """Takes spans by OTLP over HTTP."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.services: set[str] = set()
        self.came = asyncio.Event()

    async def take(self, request: web.BaseRequest) -> web.StreamResponse:
        assert request.path == "/v1/traces"
        told = ExportTraceServiceRequest.FromString(await request.read())
        for resource in told.resource_spans:
            self.services |= {
                one.value.string_value
                for one in resource.resource.attributes
                if one.key == "service.name"
            }
            for scope in resource.scope_spans:
                self.names += [span.name for span in scope.spans]
        self.came.set()
        return web.Response(content_type="application/x-protobuf")


@pytest.fixture
async def collector() -> AsyncIterator[tuple[Collector, str]]:
    taking = Collector()
    runner = web.ServerRunner(web.Server(taking.take))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield taking, f"http://{host}:{port}"
    await runner.cleanup()


def exporting(tmp_path: Path, origin: RecordingOrigin) -> dict[str, Any]:
    return {
        "origin": {"url": origin.address},
        "tracing": {"export": "otlp"},
        "log": {"format": "json", "file": str(tmp_path / "lines")},
    }


def told_by(variables: dict[str, str]) -> tuple[str, ...]:
    """The command, with these in its environment."""
    return ("env", *(f"{name}={value}" for name, value in variables.items()), *COMMAND)


async def asked(proxy: ProxyProcess) -> int:
    connection = await Connection.open(proxy.address)
    await connection.send(request("GET", "/"))
    status = (await connection.hear("GET")).status
    await connection.close()
    return status


async def test_a_collector_gets_what_there_is_before_the_end(
    tmp_path: Path, origin: RecordingOrigin, collector: tuple[Collector, str]
) -> None:
    taking, address = collector
    told = {"OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_SERVICE_NAME": "uploads"}
    proxy = ProxyProcess(tmp_path, exporting(tmp_path, origin), command=told_by(told))
    try:
        await proxy.start()
        assert await asked(proxy) == 200
        assert await proxy.terminate() == 0
    finally:
        await proxy.end()
    assert (taking.names, taking.services) == (["GET"], {"uploads"})


async def test_a_collector_that_is_not_there_disturbs_nobody(
    tmp_path: Path, origin: RecordingOrigin
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    told = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
    }
    proxy = ProxyProcess(tmp_path, exporting(tmp_path, origin), command=told_by(told))
    try:
        await proxy.start()
        for _ in range(20):
            assert await asked(proxy) == 200
        async with asyncio.timeout(10):
            assert await proxy.terminate() == 0
    finally:
        await proxy.end()
    assert proxy.log == ""  # nothing went to standard error
    lines = [json.loads(one) for one in (tmp_path / "lines").read_text().splitlines()]
    assert sum(one["event"] == "traces not exported" for one in lines) <= 1


def test_what_is_not_installed_is_told_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "proxy.tracing", None)
    config = {"origin": {"url": "http://127.0.0.1:9"}, "tracing": {"export": "otlp"}}
    with pytest.raises(CannotStart, match=r"resumable-upload-proxy\[otel\]") as told:
        App(Config.model_validate(config))
    assert told.value.configured
