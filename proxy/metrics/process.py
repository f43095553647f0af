"""What the system and the interpreter say of this process, by prometheus_client's own
collectors, so that it has the names that every dashboard knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
)

from . import catalogue
from .cells import Labels, Value

# Theirs would take the numbers of all libraries in the process besides.
_OURS: Final = CollectorRegistry(auto_describe=False)
_COLLECTORS: Final = (
    ProcessCollector(registry=_OURS),
    GCCollector(registry=_OURS),
    PlatformCollector(registry=_OURS),
)


def read_process() -> Mapping[str, Mapping[Labels, Value]]:
    """By name, all that `catalogue.PROCESS` knows and the system tells."""
    known = {metric.name: metric.labels for metric in catalogue.PROCESS}
    return {
        family.name: {
            tuple(str(sample.labels[label]) for label in known[family.name]): (
                sample.value
            )
            for sample in family.samples
        }
        for collector in _COLLECTORS
        for family in collector.collect()
        if family.name in known
    }
