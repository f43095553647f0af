"""The product under measurement, in the revision that lies in a directory.

It runs with its defaults but for the addresses, the spool's place and the log, which
tells warnings only: the peers write no access log either. What a revision does not
offer is asked of itself, so that a table can say so. The one invariant: no setting is
there to look faster.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.kit.process import free_port

from .servers import Program

HERE: Final = Path(__file__).parent.parent
"""The tree that this benchmark is part of."""


@dataclass(frozen=True, slots=True)
class Product:
    """One revision."""

    source: Path
    schema: dict[str, Any]
    """What its file may say."""

    def offers(self, key: str) -> bool:
        """Whether there is a setting such as ``spool.sync``."""
        level = self.schema
        for name in key.split("."):
            found = self._resolved(level).get("properties", {}).get(name)
            if found is None:
                return False
            level = found
        return True

    def program(
        self, directory: Path, origin_port: int, settings: dict[str, Any]
    ) -> Program:
        """It before an origin, with `settings` over the benchmark's own."""
        port = free_port()
        whole = {
            "listen": f"127.0.0.1:{port}",
            "admin": {"listen": None},
            "log": {"level": "warning"},
            **settings,
            "origin": {"url": f"http://127.0.0.1:{origin_port}"},
            "spool": {"directory": str(directory / "spool")}
            | settings.get("spool", {}),
        }
        file = directory / "config.yaml"
        file.write_text(json.dumps(whole))  # JSON is YAML
        command = [sys.executable, "-m", "proxy", "serve", "--config", str(file)]
        return Program("upload-proxy", port, command, directory, self.source)

    def _resolved(self, level: dict[str, Any]) -> dict[str, Any]:
        """The group that a property stands for, when it refers to one."""
        for option in (level, *level.get("anyOf", ()), *level.get("allOf", ())):
            if "$ref" in option:
                name = option["$ref"].rpartition("/")[2]
                group: dict[str, Any] = self.schema["$defs"][name]
                return group
        return level


def product_in(source: Path) -> Product:
    """The revision that lies in `source`.

    Raises:
        subprocess.CalledProcessError: it cannot tell its settings.
    """
    told = subprocess.run(
        [sys.executable, "-m", "proxy", "schema"],
        cwd=source,
        env=os.environ | {"PYTHONPATH": str(source)},
        capture_output=True,
        check=True,
    )
    return Product(source, json.loads(told.stdout))
