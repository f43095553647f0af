"""The examples of a deployment fit the program, and each other.

Commands are asked of the program itself, configurations go through its own loader,
probes are sent to its admin listener, and the times of one file have to leave room for
those of another.
"""

from __future__ import annotations

import configparser
import json
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from ruamel.yaml import YAML

from proxy import __version__, choices
from proxy.addresses import NamedDescriptors, TcpAddress, parse_address
from proxy.config import Config, load
from proxy.config.places import default_directory
from proxy.config.quantities import duration

from .conftest import StartProxy

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "config"
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")


def yaml(path: Path) -> list[Any]:
    return list(YAML(typ="safe", pure=True).load_all(path))


def kubernetes(kind: str) -> dict[str, Any]:
    """The resource of that kind, of which there is one."""
    resources = yaml(CONFIG / "kubernetes-sidecar.yaml")
    (found,) = [resource for resource in resources if resource["kind"] == kind]
    return dict(found)


def pod() -> dict[str, Any]:
    return dict(kubernetes("StatefulSet")["spec"]["template"]["spec"])


def sidecar() -> dict[str, Any]:
    (found,) = pod()["initContainers"]
    return dict(found)


def unit() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(CONFIG / "upload-proxy.service")
    return parser["Service"]


def composed() -> dict[str, Any]:
    (file,) = yaml(CONFIG / "compose.yaml")
    return dict(file)


def instruction(name: str) -> str:
    """What follows the last `name` of the Dockerfile."""
    found: list[str] = re.findall(rf"^\s*{name}\s+(.+)$", DOCKERFILE, re.MULTILINE)
    return found[-1].strip()


@cache
def help_of(command: str) -> str:
    """What the program says about one of its commands; it fails for one it has not."""
    run = subprocess.run(
        [sys.executable, "-m", "proxy", command, "--help"],
        cwd=ROOT,
        env={"COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    return run.stdout


def port(address: object) -> int:
    assert isinstance(address, TcpAddress)
    return address.port


def container(monkeypatch: pytest.MonkeyPatch) -> Config:
    """The configuration of the image, started as its documentation says."""
    monkeypatch.setenv("UPLOAD_PROXY_ORIGIN__URL", "http://legacy:3000")
    return load(CONFIG / "container.yaml", {})


def embedded(tmp_path: Path) -> Config:
    """The configuration in the manifest for Kubernetes."""
    file = tmp_path / "config.yaml"
    file.write_text(kubernetes("ConfigMap")["data"]["config.yaml"])
    return load(file, {})


COMMANDS = {
    "image": ["upload-proxy", *json.loads(instruction("CMD"))],
    "image's health check": json.loads(
        re.findall(r"HEALTHCHECK.*CMD (\[.*\])", DOCKERFILE)[0]
    ),
    "kubernetes": sidecar()["lifecycle"]["preStop"]["exec"]["command"],
    "systemd": shlex.split(unit()["ExecStart"]),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_the_program_has_the_command_and_its_options(command: list[str]) -> None:
    program, name, *rest = command
    assert Path(program).name == "upload-proxy"
    for option in filter(lambda word: word.startswith("-"), rest):
        assert re.search(rf"{option}\b", help_of(name)), option


def test_the_image_serves_where_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    config = container(monkeypatch)
    assert config.admin is not None
    listening = [port(config.listen[0]), port(config.admin.listen)]
    assert instruction("EXPOSE").split() == [str(port) for port in listening]
    assert json.loads(instruction("VOLUME")) == [str(config.spool.directory)]
    assert json.loads(instruction("ENTRYPOINT")) == ["upload-proxy"]
    assert instruction("STOPSIGNAL") == "SIGTERM"


def test_the_volume_of_the_image_is_the_default_spool(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (state,) = re.findall(r"XDG_STATE_HOME=(\S+)", DOCKERFILE)
    monkeypatch.setenv("XDG_STATE_HOME", state)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    assert json.loads(instruction("VOLUME")) == [str(default_directory())]


def test_the_image_is_labelled_with_this_version() -> None:
    assert f"ARG VERSION={__version__}\n" in DOCKERFILE


def test_what_the_image_copies_is_sent_to_the_builder() -> None:
    sources = [
        source.rstrip("/")
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    sent = [line.removeprefix("!") for line in lines if line.startswith("!")]
    assert sorted(sources) == sorted(sent)
    for source in sources:
        assert (ROOT / source).exists(), source


def test_compose_and_kubernetes_and_the_image_agree_on_the_user() -> None:
    assert instruction("USER") == "10001:10001"
    context = sidecar()["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"]) == (10001, 10001)
    assert pod()["securityContext"]["fsGroup"] == 10001


def test_compose_fits_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    uploads = composed()["services"]["uploads"]
    for name, value in uploads["environment"].items():
        monkeypatch.setenv(name, value)
    config = load(CONFIG / "container.yaml", {})
    assert config.origin.url == "http://legacy:3000"
    assert uploads["ports"] == [f"8080:{port(config.listen[0])}"]
    assert uploads["volumes"] == [f"spool:{config.spool.directory}"]
    assert (CONFIG / uploads["build"] / "Dockerfile").exists()
    assert "ports" not in composed()["services"]["legacy"]
    assert duration(uploads["stop_grace_period"]) > config.shutdown_grace


def test_the_sidecar_serves_where_the_manifest_says(tmp_path: Path) -> None:
    config = embedded(tmp_path)
    assert config.admin is not None
    ports = {entry["name"]: entry["containerPort"] for entry in sidecar()["ports"]}
    serving = port(config.listen[0])
    assert ports == {"http": serving, "admin": port(config.admin.listen)}
    (service,) = kubernetes("Service")["spec"]["ports"]
    assert service["targetPort"] == "http"
    clients, scrapers = kubernetes("NetworkPolicy")["spec"]["ingress"]
    assert [entry["port"] for entry in clients["ports"]] == [serving]
    assert [entry["port"] for entry in scrapers["ports"]] == [ports["admin"]]
    assert scrapers["from"], "not everybody"
    found = kubernetes("StatefulSet")["spec"]["template"]["metadata"]["annotations"]
    assert found["prometheus.io/port"] == str(ports["admin"])


def test_the_sidecar_has_its_volumes_where_it_looks(tmp_path: Path) -> None:
    mounts = {mount["name"]: mount["mountPath"] for mount in sidecar()["volumeMounts"]}
    assert mounts["spool"] == str(embedded(tmp_path).spool.directory)
    _, _, file = COMMANDS["image"][1:]
    assert Path(file) == Path(mounts["config"]) / "config.yaml"


async def test_the_probes_of_the_sidecar_are_answered(start_proxy: StartProxy) -> None:
    app = await start_proxy(admin={"listen": "127.0.0.1:0"})
    probes = {
        sidecar()[name]["httpGet"]["path"]
        for name in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert probes == {"/livez", "/readyz"}
    async with aiohttp.ClientSession() as session:
        for path in probes:
            async with session.get(f"{app.admin_address}{path}") as response:
                assert response.status == 200


def test_the_times_of_the_sidecar_leave_room_for_each_other(tmp_path: Path) -> None:
    drain_s = duration(sidecar()["lifecycle"]["preStop"]["exec"]["command"][-1])
    (legacy,) = pod()["containers"]
    sleep_s = legacy["lifecycle"]["preStop"]["sleep"]["seconds"]
    grace_s = embedded(tmp_path).shutdown_grace
    assert drain_s < sleep_s
    assert sleep_s + grace_s < pod()["terminationGracePeriodSeconds"]


def test_systemd_leaves_time_to_stop_and_does_not_restart_in_vain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    grace_s = container(monkeypatch).shutdown_grace
    assert duration(unit()["TimeoutStopSec"]) > grace_s
    assert unit()["RestartPreventExitStatus"].split() == ["2", "78"]


def test_the_service_and_its_socket_fit_the_program() -> None:
    assert unit()["Type"] == "notify"
    assert duration(unit()["WatchdogSec"]) >= 10
    socket = (CONFIG / "upload-proxy.socket").read_text()
    (listen,) = re.findall(r"^#   listen: (\S+)$", socket, re.MULTILINE)
    (name,) = re.findall(r"^FileDescriptorName=(\S+)$", socket, re.MULTILINE)
    assert parse_address(listen) == NamedDescriptors(name)


def test_the_example_with_tls_is_right() -> None:
    config = load(CONFIG / "tls.yaml", {})
    assert config.tls.certificate
    assert config.tls.client_ca
    assert config.origin.tls.ca


def test_the_example_with_a_form_is_right() -> None:
    config = load(CONFIG / "form.yaml", {})
    assert config.origin.wrap == "multipart"
    assert config.routes[0].origin.wrap == "raw"
    assert choices.form(config.origin).file_field == "photo"


def test_the_spool_under_systemd_is_the_state_directory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    directory = f"/var/lib/{unit()['StateDirectory']}"
    monkeypatch.setenv("STATE_DIRECTORY", directory)
    assert default_directory() == Path(directory)
