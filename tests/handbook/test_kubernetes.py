"""The Kubernetes page says what the manifest says."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ruamel.yaml import YAML

from .blocks import DOCS, blocks

PAGE = (DOCS / "kubernetes.md").read_text()
MANIFEST = DOCS.parent / "config/kubernetes-sidecar.yaml"
CONF = (DOCS.parent / "config/fronts/nginx.conf").read_text()


def documents(text: str) -> dict[str, Any]:
    found = YAML(typ="safe", pure=True).load_all(text)
    return {document["kind"]: document for document in found}


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    return documents(MANIFEST.read_text())


@pytest.fixture
def pod(resources: dict[str, Any]) -> dict[str, Any]:
    return dict(resources["StatefulSet"]["spec"]["template"]["spec"])


def said(pattern: str) -> str:
    """What the page says there, in the first group."""
    found = re.search(pattern, " ".join(PAGE.split()))
    assert found is not None, pattern
    return found[1]


def test_what_is_to_be_changed_is_in_the_file() -> None:
    text = MANIFEST.read_text()
    table = PAGE[PAGE.index("## What to change") : PAGE.index("Then:")]
    places = re.findall(
        r"`([^`]+)`", "".join(re.findall(r"^\| (`.*?) \|", table, re.M))
    )
    assert places
    for place in places:
        leaf = place.removeprefix("origin.") if place == "origin.url" else place
        assert leaf in text, place


def test_the_probes_are_those_of_the_file(pod: dict[str, Any]) -> None:
    (sidecar,) = pod["initContainers"]
    rows = re.findall(r"^\| (\w+) \| `(/\w+)` \| (\d+) s", PAGE, re.MULTILINE)
    assert {(name, path, int(every)) for name, path, every in rows} == {
        (kind, probe["httpGet"]["path"], probe["periodSeconds"])
        for kind in ("startup", "liveness", "readiness")
        for probe in [sidecar[f"{kind}Probe"]]
    }
    assert (
        int(said(r"1 s, up to (\d+) times"))
        == (sidecar["startupProbe"]["failureThreshold"])
    )


def test_the_times_are_those_of_the_file(pod: dict[str, Any]) -> None:
    (sidecar,), (application,) = pod["initContainers"], pod["containers"]
    drains = int(said(r"waits up to (\d+) s until nothing"))
    sleeps = int(said(r"The application sleeps (\d+) s"))
    whole = int(said(r"terminationGracePeriodSeconds: (\d+)"))
    grace = int(said(r"`shutdown_grace` \((\d+) s\)"))
    stops = int(said(r"with (\d+) s for the application's own"))
    command = sidecar["lifecycle"]["preStop"]["exec"]["command"]
    assert command[-1] == f"{drains}s"
    assert application["lifecycle"]["preStop"]["sleep"]["seconds"] == sleeps
    assert pod["terminationGracePeriodSeconds"] == whole
    assert sleeps + grace + stops == whole


def test_what_else_is_said_of_the_file_is_so(
    resources: dict[str, Any], pod: dict[str, Any]
) -> None:
    (sidecar,) = pod["initContainers"]
    rights = sidecar["securityContext"]
    assert rights["runAsUser"] == int(said(r"User (\d+), no root"))
    assert pod["securityContext"]["fsGroup"] == int(said(r"`fsGroup: (\d+)`"))
    assert rights["readOnlyRootFilesystem"] is True
    assert sidecar["restartPolicy"] == "Always"
    assert "resources" not in sidecar
    assert resources.keys() == {
        "ConfigMap",
        "StatefulSet",
        "Service",
        "NetworkPolicy",
    }
    (volume,) = resources["StatefulSet"]["spec"]["volumeClaimTemplates"]
    assert volume["spec"]["resources"]["requests"]["storage"] in PAGE


def test_the_ingress_has_what_the_front_needs(resources: dict[str, Any]) -> None:
    """Its annotations are the directives of the nginx that is tested."""
    (shown,) = (block.text for block in blocks("kubernetes.md") if block.title)
    ingress = documents(shown)["Ingress"]
    (rule,) = ingress["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    service = path["backend"]["service"]
    assert service["name"] == resources["Service"]["metadata"]["name"]
    ports = [port["name"] for port in resources["Service"]["spec"]["ports"]]
    assert service["port"]["name"] in ports
    for name, value in ingress["metadata"]["annotations"].items():
        directive = name.rpartition("/")[2].replace("-", "_")
        directive = {"proxy_body_size": "client_max_body_size"}.get(
            directive, directive
        )
        assert re.search(rf"^{directive} {value}s?;", CONF, re.MULTILINE), name
