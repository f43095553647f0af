"""The chart as Helm's own engine renders it, by a package that has it as a library.

What comes out is read as Kubernetes reads it, and the configuration in it by the proxy.
The one invariant: nothing is taken for rendered that another engine has rendered.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from packages.chart import CHART
from proxy.cli import app
from proxy.cli.tree import tree, walk
from proxy.config import Config, load

helm = pytest.importorskip("helm_python", reason="no wheel with Helm's engine here")

DEPLOYED = {"application": {"image": "example/photos:1"}}
EVERYTHING = {
    **DEPLOYED,
    "networkPolicy": {"enabled": True},
    "metrics": {"podMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}},
    "image": {"digest": f"sha256:{'0' * 64}"},
    "env": [{"name": "UPLOAD_PROXY_LOG__LEVEL", "value": "debug"}],
    "envFrom": [{"secretRef": {"name": "keys"}}],
    "resources": {"requests": {"memory": "128Mi"}},
    "spool": {"storageClass": "fast"},
    "service": {"annotations": {"a": "b"}},
}


def rendered(values: object, chart: Path = CHART) -> dict[str, Any]:
    """Each resource by its kind; NOTES as the text under that name."""
    found: dict[str, Any] = {}
    with helm.Chart.load(chart) as loaded:
        made = loaded.render(values, name="photos", namespace="here")
    for name, text in made.items():
        if name.endswith("NOTES.txt"):
            found["NOTES"] = text
            continue
        for one in YAML(typ="safe", pure=True).load_all(text):
            if one:
                assert one["kind"] not in found
                found[one["kind"]] = one
    return found


def configuration(config_map: Any, directory: Path) -> Config:
    """What the proxy makes of the file in the ConfigMap."""
    file = directory / "config.yaml"
    file.write_text(config_map["data"]["config.yaml"])
    return load(file, {})


def matches(selector: Any, pod: Any) -> bool:
    labels = pod["metadata"]["labels"]
    return bool(selector) and selector.items() <= labels.items()


@pytest.mark.parametrize("values", [{}, DEPLOYED, EVERYTHING], ids=range(3))
def test_the_linter_finds_nothing(values: dict[str, Any]) -> None:
    told = helm.lint(CHART, values, strict=True, kube_version="v1.30.0")
    assert told["errors"] == []
    worth_it = [one for one in told["messages"] if one["severity"] > 1]
    assert worth_it == []


def test_alone_it_makes_what_a_pod_of_yours_refers_to() -> None:
    made = rendered({})
    assert set(made) == {"ConfigMap", "Service", "NOTES"}
    assert "No application is deployed" in made["NOTES"]


def test_everything_fits_together(tmp_path: Path) -> None:
    made = rendered(EVERYTHING)
    assert set(made) == {
        *("ConfigMap", "Service", "StatefulSet", "NetworkPolicy"),
        *("PodMonitor", "PrometheusRule", "NOTES"),
    }
    config = configuration(made["ConfigMap"], tmp_path)
    assert config.admin is not None
    pod = made["StatefulSet"]["spec"]["template"]
    (sidecar,) = pod["spec"]["initContainers"]
    ports = {one["name"]: one["containerPort"] for one in sidecar["ports"]}
    serving = [str(config.listen[0]), str(config.admin.listen)]
    assert serving == [f"0.0.0.0:{port}" for port in ports.values()]
    mounts = {one["mountPath"]: one["name"] for one in sidecar["volumeMounts"]}
    (claim,) = made["StatefulSet"]["spec"]["volumeClaimTemplates"]
    assert mounts[str(config.spool.directory)] == claim["metadata"]["name"]
    (volume,) = pod["spec"]["volumes"]
    assert mounts["/etc/upload-proxy"] == volume["name"]
    assert volume["configMap"]["name"] == made["ConfigMap"]["metadata"]["name"]
    for selector in (
        made["StatefulSet"]["spec"]["selector"]["matchLabels"],
        made["Service"]["spec"]["selector"],
        made["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        made["PodMonitor"]["spec"]["selector"]["matchLabels"],
    ):
        assert matches(selector, pod)
    (endpoint,) = made["PodMonitor"]["spec"]["podMetricsEndpoints"]
    assert {made["Service"]["spec"]["ports"][0]["targetPort"], endpoint["port"]} == {
        *ports
    }
    alerts = YAML(typ="safe", pure=True).load(CHART / "files/alerts.yaml")
    assert made["PrometheusRule"]["spec"] == alerts
    assert sidecar["image"].startswith("example/upload-proxy@sha256:")


def test_the_pod_ends_in_order() -> None:
    spec = rendered({**DEPLOYED, "drainSeconds": 20})["StatefulSet"]["spec"]
    pod = spec["template"]["spec"]
    command = pod["initContainers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    assert command[:2] == ["upload-proxy", "drain"]
    (drain,) = [one for one in walk(tree(app)) if one.path[1:] == ("drain",)]
    known = {name for option in drain.options for name in option.names}
    assert {word for word in command if word.startswith("-")} <= known
    sleep = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    drained = int(command[-1].removesuffix("s"))
    assert (drained, sleep) == (20, 30)
    assert pod["terminationGracePeriodSeconds"] >= sleep + 30, "shutdown_grace"


def test_the_configuration_is_the_users(tmp_path: Path) -> None:
    told = {
        "origin": {"url": "http://127.0.0.1:9999"},
        "uploads": {"limits": {"max_size": "10GiB"}},
        "spool": {"quota": "40GiB"},
    }
    one = rendered({**DEPLOYED, "config": told})
    config = configuration(one["ConfigMap"], tmp_path)
    assert config.origin.url == "http://127.0.0.1:9999"
    assert config.uploads.limits.max_size == 10 << 30
    assert config.spool.quota == 40 << 30
    assert str(config.spool.directory) == "/var/spool/upload-proxy"
    other = rendered(DEPLOYED)
    annotations = [
        made["StatefulSet"]["spec"]["template"]["metadata"]["annotations"]
        for made in (one, other)
    ]
    assert annotations[0] != annotations[1], "new pods for a new configuration"


def test_a_wrong_key_is_told_before_anything_is_deployed() -> None:
    with (
        helm.Chart.load(CHART) as chart,
        pytest.raises(helm.HelmValuesError, match="'orign' not allowed"),
    ):
        chart.validate_schema({"config": {"orign": {}}})


def test_the_example_of_the_readme_takes_the_proxy_in(tmp_path: Path) -> None:
    readme = (CHART / "README.md").read_text()
    (example,) = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)
    templates = tmp_path / "templates"
    templates.mkdir()
    (tmp_path / "Chart.yaml").write_text(
        "apiVersion: v2\nname: photos\nversion: 1.0.0\n"
        "dependencies: [{name: upload-proxy, version: '*'}]\n"
    )
    head = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: photos}\n"
    (templates / "photos.yaml").write_text(head + example)
    shutil.copytree(CHART, tmp_path / "charts/upload-proxy")
    made = rendered({"upload-proxy": {"ports": {"http": 8888}}}, tmp_path)
    pod = made["StatefulSet"]["spec"]["template"]
    assert matches(made["Service"]["spec"]["selector"], pod)
    (sidecar,) = pod["spec"]["initContainers"]
    assert sidecar["ports"][0]["containerPort"] == 8888
    (volume,) = pod["spec"]["volumes"]
    assert volume["configMap"]["name"] == made["ConfigMap"]["metadata"]["name"]
    mounted = {one["name"] for one in sidecar["volumeMounts"]}
    (claim,) = made["StatefulSet"]["spec"]["volumeClaimTemplates"]
    assert mounted == {volume["name"], claim["metadata"]["name"]}
