"""What every table is given."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from bench.fleet import Fleet
from bench.scale import Scale


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the benchmark."""

    fleet: Fleet
    scale: Scale
    chance: Random
    """For the order of variants, and nothing else."""
