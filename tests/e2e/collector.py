"""A collector of traces in this process: it takes OTLP over HTTP as OpenTelemetry's own messages read it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True, slots=True)
class Told:
    """A span as the collector was told of it."""

    process: str
    name: str
    trace: str
    id: str
    parent: str
    about: dict[str, str]
    links: tuple[str, ...]  # the traces that it is linked to


@dataclass
class Collector:
    """What came so far."""

    url: str = ""
    told: list[Told] = field(default_factory=list)

    def wait(self, enough: Callable[[list[Told]], bool], seconds: float = 30) -> list[Told]:
        """What was told, once that is enough."""
        end = time.monotonic() + seconds
        while not enough(told := list(self.told)):
            assert time.monotonic() < end, "\n".join(f"{one.process} {one.name} {one.trace}" for one in told)
            time.sleep(0.1)
        return told

    def take(self, body: bytes) -> None:
        """Read a request."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            names = {one.key: one.value.string_value for one in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.told += [
                    Told(
                        names["service.name"],
                        span.name,
                        span.trace_id.hex(),
                        span.span_id.hex(),
                        span.parent_span_id.hex(),
                        {one.key: one.value.string_value for one in span.attributes},
                        tuple(link.trace_id.hex() for link in span.links),
                    )
                    for span in scope.spans
                ]


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector at work, on a free port."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            collector.take(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield collector
        server.shutdown()
