"""What a machine lacks is listed at the end of a run, never counted as passed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

FILE = """
import pytest

@pytest.mark.parametrize("size", [1, 2])
def test_needs_nginx(size):
    pytest.skip("nginx is not installed")

def test_needs_nothing():
    pass
"""


@pytest.mark.parametrize("more", [(), ("-n", "1")], ids=["alone", "xdist"])
def test_what_did_not_run_is_listed_with_the_reason(
    tmp_path: Path, more: tuple[str, ...]
) -> None:
    output = _run_pytest(tmp_path, FILE, *more)
    assert "NOT RUN  test_it.py: 2 tests: nginx is not installed\n" in output
    assert "1 passed, 2 skipped" in output.splitlines()[-1]


def test_a_file_that_skips_itself_is_listed(tmp_path: Path) -> None:
    text = "import pytest\npytest.skip('no npm here', allow_module_level=True)\n"
    output = _run_pytest(tmp_path, text)
    assert "NOT RUN  test_it.py: 1 test: no npm here\n" in output


def test_nothing_is_said_when_everything_ran(tmp_path: Path) -> None:
    assert "NOT RUN" not in _run_pytest(tmp_path, "def test_it():\n    pass\n")


def _run_pytest(directory: Path, text: str, *more: str) -> str:
    """What pytest prints about one file, with the plugin and nothing else of ours."""
    (directory / "test_it.py").write_text(text)
    (directory / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-p", "tests.kit.not_run", *more]
    run = subprocess.run(
        [*command, "-p", "no:cacheprovider", str(directory)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    return run.stdout
