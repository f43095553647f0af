"""The numbers of a proxy, as a scraper of Prometheus finds them."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from .raw import Connection, request


class Numbers:
    """One answer of `/metrics`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families: list[Metric] = list(text_string_to_metric_families(text))

    @property
    def names(self) -> set[str]:
        """Of every series, suffixes included, and of families without any."""
        families = {family.name for family in self.families}
        return families | {name for name, _, _ in self._samples()}

    def has(self, name: str) -> bool:
        """There is a series of the name, whatever it says."""
        return any(found == name for found, _, _ in self._samples())

    def total(self, name: str, **labels: str) -> float:
        """The sum of all series of the name that have these labels."""
        return sum(
            value
            for found, having, value in self._samples()
            if found == name and having.items() >= labels.items()
        )

    def by(self, name: str, label: str) -> dict[str, float]:
        """The sums by the values of one label, those that are 0 left out."""
        values = {
            having[label] for found, having, _ in self._samples() if found == name
        }
        sums = {value: self.total(name, **{label: value}) for value in values}
        return {value: total for value, total in sums.items() if total}

    def _samples(self) -> Iterator[tuple[str, dict[str, str], float]]:
        for family in self.families:
            for sample in family.samples:
                yield sample.name, sample.labels, sample.value


async def scrape(admin_address: str) -> Numbers:
    """Ask for them."""
    connection = await Connection.open(admin_address)
    try:
        await connection.send(request("GET", "/metrics", ("Host", "localhost")))
        response = await connection.hear("GET")
    finally:
        await connection.close()
    assert response.status == 200, response
    return Numbers(response.content.decode())
