"""What ``GET /metrics`` tells Prometheus. One registry an app: no global state."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from hornet.drift import NOVELTY, PROBABILITY

if TYPE_CHECKING:
    from hornet.serving.champion import Model
    from hornet.serving.today import Today

# Seconds. A picture takes some tens of milliseconds on one core.
_LATENCY = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_BATCH = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """Counters of one server. Labels have few values each: no client can make new ones."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "hornet_http_requests",
            "Requests answered.",
            ["route", "method", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "hornet_http_request_seconds",
            "From the headers of a request to the end of its answer.",
            ["route"],
            buckets=_LATENCY,
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "hornet_http_requests_in_flight", "Requests being answered.", registry=self.registry
        )
        self.queue = Gauge(
            "hornet_queue_pictures", "Pictures accepted and not answered yet.", registry=self.registry
        )
        self.held = Gauge("hornet_held_bytes", "Bytes of bodies in memory.", registry=self.registry)
        self.batch = Histogram(
            "hornet_batch_pictures",
            "Pictures in a run of the network.",
            buckets=_BATCH,
            registry=self.registry,
        )
        self.verdicts = Counter("hornet_verdicts", "Pictures judged.", ["label"], registry=self.registry)
        self.failures = Counter(
            "hornet_failures",
            "Pictures and requests that got no verdict, by the code of the answer.",
            ["code"],
            registry=self.registry,
        )
        self.model = Gauge(
            "hornet_model_info", "The model that answers.", ["version", "precision"], registry=self.registry
        )
        self.refused = Counter(
            "hornet_champions_refused",
            "Promoted models that could not be taken over.",
            registry=self.registry,
        )

    def show_today(self, today: Today) -> None:
        """Show how far the last pictures are from those that the model was made with, whenever somebody asks."""
        index = Gauge(
            "hornet_drift_index",
            "Population stability index of the last pictures against the model's reference.",
            ["quantity"],
            registry=self.registry,
        )
        limit = Gauge(
            "hornet_drift_limit",
            "What as many pictures like the reference exceed in 1 of 100 cases.",
            ["quantity"],
            registry=self.registry,
        )
        for name in (PROBABILITY, NOVELTY):
            index.labels(name).set_function(partial(today.index, name))
            limit.labels(name).set_function(partial(today.limit, name))
        Gauge(
            "hornet_novel_share",
            "Share of the last pictures that are unlike anything the model was trained with.",
            registry=self.registry,
        ).set_function(today.novel)

    def show_model(self, model: Model) -> None:
        """Make a model the one that is shown."""
        self.model.clear()
        self.model.labels(model.version, model.classifier.contract.precision).set(1)
