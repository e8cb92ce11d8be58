"""What operators measure: requests by route template and status, for `/metrics` (Prometheus).

Each process counts for itself. With `PROMETHEUS_MULTIPROC_DIR` set to an empty directory before
the start, the processes of one machine share their counts through it, and any of them answers
`/metrics` for all; without it, an answer speaks only for the process that gave it. What is measured
of the whole service (`Measured`) comes from the database, and is the same whoever answers.
"""

import functools
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MEDIA_TYPE = CONTENT_TYPE_LATEST
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

REQUESTS = Counter(
    "stageward_http_requests",
    "Requests answered, by the template of their route.",
    ["method", "route", "status"],
)
LATENCY = Histogram(
    "stageward_http_request_seconds",
    "Time from the request's head to the last byte of the answer; long polls wait in it.",
    ["method", "route"],
    buckets=SECONDS,
)
IN_PROGRESS = Gauge(
    "stageward_http_requests_in_progress",
    "Requests that are being answered now.",
    multiprocess_mode="livesum",
)
REFUSED = Counter(
    "stageward_refused",
    "Requests and connections that were refused because of a limit.",
    ["limit"],
)


@dataclass(frozen=True, slots=True)
class Measured:
    """A gauge that was measured for this answer: its values by that of its label, or one value
    without a label."""

    name: str
    meaning: str
    values: Mapping[str, float] | float
    label: str = ""


class _Given:
    """What was measured, as Prometheus' client collects it."""

    def __init__(self, measured: Sequence[Measured]) -> None:
        self._measured = measured

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """A gauge for each."""
        for one in self._measured:
            gauge = GaugeMetricFamily(one.name, one.meaning, labels=[one.label] * bool(one.label))
            values = one.values if isinstance(one.values, Mapping) else {"": one.values}
            for label, value in values.items():
                gauge.add_metric([label] * bool(one.label), value)
            yield gauge


class RequestMetrics:
    """Counts every request once it is answered, under its route's template and never its path."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app; what raises without an answer counts as a 500."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        begun = time.perf_counter()
        IN_PROGRESS.inc()
        try:
            await self.app(scope, receive, watched)
        finally:
            IN_PROGRESS.dec()
            _count(scope, status, time.perf_counter() - begun)


def route_template(scope: Scope) -> str:
    """`/api/v1/models/{model}` for a request that was routed, else `unmatched`."""
    context: Any = scope.get("fastapi", {}).get("effective_route_context") or scope.get("route")
    return getattr(context, "path_format", None) or getattr(context, "path", None) or "unmatched"


def exposition(measured: Iterable[Measured] = ()) -> bytes:
    """All metrics in Prometheus' text format, these gauges among them."""
    given = CollectorRegistry()
    given.register(_Given(list(measured)))
    return _counted() + generate_latest(given)


def _counted() -> bytes:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def _count(scope: Scope, status: int, seconds: float) -> None:
    method = scope["method"] if scope["method"] in METHODS else "other"
    route = route_template(scope)
    _answered(method, route, status).inc()
    _taken(method, route).observe(seconds)


@functools.cache
def _answered(method: str, route: str, status: int) -> Counter:
    return REQUESTS.labels(method, route, str(status))


@functools.cache
def _taken(method: str, route: str) -> Histogram:
    return LATENCY.labels(method, route)
