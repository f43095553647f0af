"""The chart says what the program says; ``make dist`` has Helm render it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from packages import chart
from proxy import __version__

ROOT = Path(__file__).parent.parent


def yaml(file: Path) -> Any:
    return YAML(typ="safe", pure=True).load(file)


def schema() -> Any:
    return json.loads((chart.CHART / "values.schema.json").read_text())


@pytest.mark.parametrize("file", chart.made(), ids=lambda file: str(file.name))
def test_what_is_said_elsewhere_is_the_same(file: Path) -> None:
    assert file.read_text() == chart.made()[file], "make chart"


def test_the_chart_and_the_manifest_are_of_this_version() -> None:
    told = yaml(chart.CHART / "Chart.yaml")
    assert (told["version"], told["appVersion"]) == (__version__, __version__)
    manifest = (ROOT / "config/kubernetes-sidecar.yaml").read_text()
    assert re.findall(r"upload-proxy:([\d.]+)", manifest) == [__version__]


def test_the_values_as_they_come_fit_their_schema() -> None:
    jsonschema.Draft7Validator.check_schema(schema())
    values = yaml(chart.CHART / "values.yaml")
    jsonschema.Draft7Validator(schema()).validate(values)
    told = schema()["properties"]
    assert set(values) == set(told) - {"global", "enabled"}
    for name, inner in values.items():
        if isinstance(inner, dict) and "properties" in told[name]:
            assert set(inner) == set(told[name]["properties"]), name


@pytest.mark.parametrize(
    "values",
    [
        {"config": {"orign": {"url": "http://127.0.0.1:3000"}}},
        {"config": {"listen": "0.0.0.0:1"}},
        {"config": {"admin": None}},
        {"config": {"spool": {"directory": "/elsewhere"}}},
        {"config": {"log": {"level": "loud"}}},
        {"ports": {"http": 80}},
        {"image": {"digest": "latest"}},
        {"drain": 60},
    ],
    ids=str,
)
def test_values_that_are_wrong_are_refused(values: object) -> None:
    assert not jsonschema.Draft7Validator(schema()).is_valid(values)
