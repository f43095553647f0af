"""What the report says, and that it is made from the saved figures alone."""

from __future__ import annotations

from pathlib import Path

from bench.goals import Goal, Judged
from bench.report import goals_table, markdown, written
from bench.results import Results, load
from bench.samples import Row, Spread, Table

TABLE = Table(
    "bodies-large",
    "100 MiB, one at a time",
    ("mib_s", "cpu_s_gib"),
    [
        Row(
            "upload-proxy",
            [{"mib_s": 300, "cpu_s_gib": 1}, {"mib_s": 100, "cpu_s_gib": 2}],
        ),
        Row("nginx", why="not measured: nginx\nis not installed"),
    ],
)
RESULTS = Results(
    command="python -m bench",
    date="2026-11-22 12:00",
    lasted_s=61.2,
    scale="quick",
    machine={"cores": "2"},
    remark="The machine was busy.",
    tables=[TABLE],
)


def test_a_table_says_why_a_row_is_empty() -> None:
    assert markdown(TABLE).splitlines() == [
        "|  | MiB/s | CPU s/GiB |",
        "| - | - | - |",
        "| upload-proxy | 200 (100-300) | 1.50 (1.00-2.00) |",
        "| nginx |  |  |",
        "",
        "nginx: not measured: nginx is not installed",
    ]


def test_a_goal_is_one_line() -> None:
    speed = Goal("speed", "t", "mib_s", "ours", "theirs", 0.8, 1.0)
    start = Goal("start", "t", "start_s", "ours", None, 2.0, 0.5)
    lines = goals_table(
        [
            Judged(speed, Spread(0.7, 0.5, 0.9), "missed"),
            Judged(start, Spread(0.4, 0.4, 0.4), "aim"),
            Judged(speed, None, "not offered"),
        ]
    )
    assert lines.splitlines()[2:] == [
        "| speed | 0.8 x | 1 x | 0.70 (0.50-0.90) x | **missed** |",
        "| start | 2 | 0.5 | 0.40 | aim reached |",
        "| speed | 0.8 x | 1 x |  | not offered |",
    ]


def test_the_report_names_its_circumstances() -> None:
    report = written(RESULTS)
    assert "2026-11-22 12:00 UTC, `python -m bench`, 61 s." in report
    assert "The machine was busy." in report
    assert "| cores | 2 |" in report
    assert "## 100 MiB, one at a time" in report
    assert "not measured." in report


def test_results_come_back_as_they_were_saved(tmp_path: Path) -> None:
    file = tmp_path / "new" / "results.json"
    RESULTS.save(file)
    assert load(file) == RESULTS
    assert written(load(file)) == written(RESULTS)
