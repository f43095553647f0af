"""Says at the end of a run what could not run here, and why.

A test that needs what a machine may lack (nginx, npm packages, root) skips itself with
the reason in words. pytest would count it in the last line only; this plugin lists it
under a heading of its own, so that nobody takes it for passed.
``tests/conftest.py`` registers it: ``pytest_plugins = ["tests.kit.not_run"]``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Last of all sections, below the coverage, right above pytest's closing line."""
    not_run = tally(terminalreporter.stats.get("skipped", []))
    if not not_run:
        return
    terminalreporter.section("NOT RUN", sep="=", yellow=True, bold=True)
    for (file, why), count in sorted(not_run.items()):
        tests = "1 test" if count == 1 else f"{count} tests"
        terminalreporter.line(f"NOT RUN  {file}: {tests}: {why}", yellow=True)


def tally(
    reports: Iterable[pytest.TestReport | pytest.CollectReport],
) -> Counter[tuple[str, str]]:
    """How many tests of a file did not run for the same reason.

    A file that skips itself as a whole counts as one test: nobody looked into it.
    """
    return Counter(
        (report.nodeid.partition("::")[0], reason(report)) for report in reports
    )


def reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why it did not run, in the words of whoever skipped it."""
    if isinstance(report.longrepr, tuple):
        _, _, text = report.longrepr
        return text.removeprefix("Skipped: ")
    return str(report.longrepr)
