"""The parts of the chart that are said elsewhere: ``python -m packages.chart``.

The schema of its values has that of the configuration in it, and the alerts are a copy,
since a chart cannot look outside its own directory. The one invariant: what the chart
sets itself, the schema refuses to have set by its user.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from proxy.config import report

ROOT: Final = Path(__file__).parents[1]
CHART: Final = ROOT / "charts/upload-proxy"
_TEXT: Final = {"type": "string"}
_SWITCH: Final = {"type": "boolean"}
_PORT: Final = {"type": "integer", "minimum": 1024, "maximum": 65535}
"""From 1024 on: the proxy has no right to those below."""
_LIST: Final = {"type": "array", "items": {"type": "object"}}
_OBJECT: Final = {"type": "object"}
_WORDS: Final = {"type": "object", "additionalProperties": {"type": "string"}}
_PULL: Final = {"enum": ["Always", "IfNotPresent", "Never"]}
_TAKEN: Final = {"not": {}, "description": "The chart sets it; see ports and spool."}


def made() -> dict[Path, str]:
    """Each file with what has to be in it."""
    return {
        CHART / "values.schema.json": json.dumps(schema(), indent=2) + "\n",
        CHART / "files/alerts.yaml": (ROOT / "config/alerts.yaml").read_text(),
    }


def schema() -> dict[str, Any]:
    """JSON Schema of the values.

    Of draft 7, which older versions of Helm know as well; the schema of the
    configuration uses nothing newer. Its definitions stand at the root, where its
    references look for them.
    """
    config = report.schema()
    definitions = config.pop("$defs")
    del config["$schema"]
    config["properties"] |= {"listen": _TAKEN, "admin": _TAKEN}
    definitions["Spool"]["properties"]["directory"] = _TAKEN
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of upload-proxy",
        **_keys(_values()),
        "$defs": {**definitions, "Config": config},
    }


def _values() -> Mapping[str, Any]:
    return {
        "nameOverride": _TEXT,
        "fullnameOverride": _TEXT,
        # what a chart is told as a dependency of another one
        "global": _OBJECT,
        "enabled": _SWITCH,
        "image": _keys(
            {
                "repository": {"type": "string", "minLength": 1},
                "tag": _TEXT,
                "digest": {"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
                "pullPolicy": _PULL,
            }
        ),
        "imagePullSecrets": _LIST,
        "config": {"$ref": "#/$defs/Config"},
        "env": _LIST,
        "envFrom": _LIST,
        "ports": _keys({"http": _PORT, "admin": _PORT}),
        "drainSeconds": {"type": "integer", "minimum": 0},
        "resources": _OBJECT,
        "spool": _keys(
            {
                "size": {"type": "string", "pattern": "^[0-9.]+[KMGTPE]i?$"},
                "storageClass": _TEXT,
                "accessModes": {"type": "array", "items": _TEXT, "minItems": 1},
                "volumeName": _TEXT,
            }
        ),
        "application": _keys(
            {
                "image": _TEXT,
                "pullPolicy": _PULL,
                "env": _LIST,
                "envFrom": _LIST,
                "resources": _OBJECT,
                "replicas": {"type": "integer", "minimum": 0},
            }
        ),
        "service": _keys(
            {
                "enabled": _SWITCH,
                "type": {"enum": ["ClusterIP", "NodePort", "LoadBalancer"]},
                "port": {"type": "integer", "minimum": 1, "maximum": 65535},
                "annotations": _WORDS,
            }
        ),
        "networkPolicy": _keys({"enabled": _SWITCH, "monitoring": _LIST}),
        "metrics": _keys(
            {
                "podMonitor": _keys(
                    {"enabled": _SWITCH, "interval": _TEXT, "labels": _WORDS}
                ),
                "prometheusRule": _keys({"enabled": _SWITCH, "labels": _WORDS}),
            }
        ),
    }


def _keys(known: Mapping[str, Any]) -> dict[str, Any]:
    """An object that has these keys, and no others."""
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": dict(known),
    }


def main() -> None:
    """Write the files."""
    for file, content in made().items():
        file.write_text(content)


if __name__ == "__main__":
    main()
