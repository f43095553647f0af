"""Dashboard, rules and documents know what the program tells, and nothing else.

Expressions are parsed as Prometheus would, and every series that they select is looked
for in what a real run exposes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest
from ruamel.yaml import YAML

from proxy.metrics.catalogue import METRICS, OWN, Metric
from tests.kit.client import Client

from .conftest import Look

ROOT = Path(__file__).parent.parent.parent
OPERATIONS = (ROOT / "docs/operations.md").read_text()
ALERTS = YAML(typ="safe").load((ROOT / "config/alerts.yaml").read_text())
DASHBOARD = json.loads((ROOT / "config/grafana-dashboard.json").read_text())

SUFFIXES = ("_bucket", "_sum", "_count")
OF_SCRAPING = {"job", "instance", "le"}
"""Labels that the scraper adds, and that of buckets."""


def rules() -> list[dict[str, Any]]:
    (group,) = ALERTS["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = DASHBOARD["panels"]
    return found


def expressions() -> dict[str, str]:
    """By where they stand; with values for the variables of the dashboard."""
    found = {rule["alert"]: rule["expr"] for rule in rules()}
    for panel in panels():
        for target in panel.get("targets", []):
            found[f"{panel['title']} {target['refId']}"] = target["expr"]
    said = {"$__rate_interval": "5m", "$job": ".*", "$instance": ".*"}
    return {
        place: re.sub(r"\$\w+", lambda name: said[name.group()], expr)
        for place, expr in found.items()
    }


EXPRESSIONS = expressions()
each_expression = pytest.mark.parametrize("place", EXPRESSIONS)


def parts(expr: Any) -> Iterator[Any]:
    """`expr` and all that is within it."""
    yield expr
    match expr:
        case promql.BinaryExpr():
            within = [expr.lhs, expr.rhs]
        case promql.Call():
            within = list(expr.args)
        case promql.AggregateExpr() | promql.ParenExpr() | promql.UnaryExpr():
            within = [expr.expr]
        case promql.MatrixSelector():
            within = [expr.vector_selector]
        case promql.VectorSelector() | promql.NumberLiteral():
            within = []
        case _:
            raise AssertionError(f"{type(expr)} is not expected in {expr}")
    for part in within:
        yield from parts(part)


@cache
def selectors(place: str) -> list[promql.VectorSelector]:
    found = parts(promql.parse(EXPRESSIONS[place]))
    return [part for part in found if isinstance(part, promql.VectorSelector)]


def metric_of(name: str | None) -> Metric:
    assert name is not None
    if name in METRICS and METRICS[name].kind == "gauge":
        return METRICS[name]
    if name.endswith("_total"):
        found = METRICS[name.removesuffix("_total")]
        assert found.kind == "counter"
        return found
    (suffix,) = [suffix for suffix in SUFFIXES if name.endswith(suffix)]
    found = METRICS[name.removesuffix(suffix)]
    assert found.kind == "histogram"
    return found


@each_expression
def test_an_expression_knows_metrics_and_labels(place: str) -> None:
    found = selectors(place)
    assert found
    for selector in found:
        labels = {*metric_of(selector.name).labels, *OF_SCRAPING}
        asked = {matcher.name for matcher in selector.matchers.matchers}
        assert asked <= labels, selector
    for part in parts(promql.parse(EXPRESSIONS[place])):
        if isinstance(part, promql.AggregateExpr) and part.modifier is not None:
            labels = set().union(
                *(metric_of(selector.name).labels for selector in found), OF_SCRAPING
            )
            assert set(part.modifier.labels) <= labels, part


@each_expression
def test_what_only_grows_is_asked_how_fast(place: str) -> None:
    """A counter by itself says how long the process has run; but for the one alert
    that compares it with an hour ago."""
    if place == "UploadLost":
        return
    tree = list(parts(promql.parse(EXPRESSIONS[place])))
    in_time = {
        part.vector_selector.name
        for part in tree
        if isinstance(part, promql.MatrixSelector)
    }
    for part in tree:
        if isinstance(part, promql.VectorSelector):
            is_gauge = metric_of(part.name).kind == "gauge"
            assert is_gauge != (part.name in in_time), part


@pytest.mark.configured(admin={"listen": "127.0.0.1:0"}, spool={"quota": "1GiB"})
async def test_every_series_that_is_asked_for_is_exposed(
    client: Client, look: Look
) -> None:
    """Those of causes that have not come to pass yet as well: else the first time
    would be no increase."""
    await client.create(6, sends=b"a" * 40)
    await client.create(6, length=100, sends=b"a" * 40, then="cut")
    numbers = await look(
        lambda seen: (
            seen.total("rup_http_requests_total") == 2 and seen.has("rup_spool_uploads")
        )
    )
    having = [
        (sample.name, sample.labels)
        for family in numbers.families
        for sample in family.samples
    ]
    for place in EXPRESSIONS:
        for selector in selectors(place):
            if selector.name == "rup_tls_certificate_expiry_timestamp_seconds":
                continue  # this run has no TLS
            exactly = {
                (matcher.name, matcher.value)
                for matcher in selector.matchers.matchers
                if matcher.op == promql.MatchOp.Equal
            }
            assert any(
                name == selector.name and exactly <= labels.items()
                for name, labels in having
            ), (place, selector)


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {
        metric_of(selector.name)
        for panel in panels()
        for target in panel.get("targets", [])
        for selector in selectors(f"{panel['title']} {target['refId']}")
    }
    assert set(OWN) <= shown


def test_the_dashboard_can_be_imported_anywhere() -> None:
    """It names no data source of its own, and nothing in it overlaps."""
    assert DASHBOARD["schemaVersion"] >= 39
    assert DASHBOARD["id"] is None
    variables = {one["name"]: one for one in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == "prometheus"
    ids = [panel["id"] for panel in panels()]
    assert len(ids) == len(set(ids))
    for panel in panels():
        for target in panel.get("targets", []):
            assert target["datasource"] == panel["datasource"]
            assert panel["datasource"]["uid"] == "${datasource}"
    cells = [cell for panel in panels() for cell in _cells(panel["gridPos"])]
    assert len(cells) == len(set(cells))
    assert all(column < 24 for column, _ in cells)


def _cells(place: dict[str, int]) -> Iterator[tuple[int, int]]:
    for column in range(place["x"], place["x"] + place["w"]):
        for line in range(place["y"], place["y"] + place["h"]):
            yield column, line


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_an_alert_says_what_it_means_and_where_to_read_on(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in ("critical", "warning")
    said = rule["annotations"]
    assert set(said) == {"summary", "description", "runbook"}
    assert said["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"
    for text in said.values():
        assert text.count("{{") == text.count("}}")
    for label in re.findall(r"\$labels\.(\w+)", " ".join(said.values())):
        selected = [metric_of(one.name) for one in selectors(rule["alert"])]
        assert all(label in {*one.labels, *OF_SCRAPING} for one in selected)
        assert _is_kept(rule["alert"], label), label
    assert re.search(rf"^### {rule['alert']}$\n\n\S", OPERATIONS, re.MULTILINE)


def _is_kept(alert: str, label: str) -> bool:
    """False where a sum has put together what the label tells apart."""
    return all(
        part.modifier is not None and label in part.modifier.labels
        for part in parts(promql.parse(EXPRESSIONS[alert]))
        if isinstance(part, promql.AggregateExpr)
    )


def test_every_section_about_an_alert_has_its_rule() -> None:
    section = OPERATIONS.partition("\n## Alerts\n")[2]
    told = re.findall(r"^### (\w+)$", section, re.MULTILINE)
    assert told == [rule["alert"] for rule in rules()]


def row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    cells = (f"`{metric.told_as}`", metric.kind, labels, metric.meaning)
    return f"| {' | '.join(cells)} |"


def test_the_table_of_metrics_is_that_of_the_program() -> None:
    told = re.findall(r"^\| `rup_.*$", OPERATIONS, re.MULTILINE)
    assert told == [row(metric) for metric in OWN]
