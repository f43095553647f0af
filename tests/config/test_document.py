"""The file: what is no file of ours, and what is no YAML, with the place to look at."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config import ConfigError, load
from proxy.config.document import document

from ..kit.effort import effort
from .conftest import Written


def message(file: Path) -> str:
    with pytest.raises(ConfigError) as refused:
        document(file)
    [error] = refused.value.errors
    return str(error)


def test_values_are_read_with_their_places(written: Written) -> None:
    layer = document(written("a: 1\nb:\n  - x\n  - {c: 'on'}\n"))
    assert layer.tree == {"a": 1, "b": ["x", {"c": "on"}]}
    assert str(layer.keys["b",]) == "config.yaml:2:1"
    assert str(layer.values["b", 1, "c"]) == "config.yaml:4:9"


def test_a_pipe_is_read_to_its_end() -> None:
    """As of a shell: serve -c <(...)."""
    reads, writes = os.pipe()
    try:
        os.write(writes, b"a: 1\nb: 2\n")
        os.close(writes)
        assert document(Path(f"/dev/fd/{reads}")).tree == {"a": 1, "b": 2}
        # It is no empty file by then, of which all would be as if nothing were said.
        assert "a pipe from which nothing comes" in message(Path(f"/dev/fd/{reads}"))
    finally:
        os.close(reads)


@pytest.mark.timeout(10)
def test_nobody_waits_for_ever_for_a_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.config.document.PIPE_S", 0.05)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "a pipe from which nothing comes in 0.05 s" in message(pipe)
    writes = os.open(pipe, os.O_RDWR)
    try:
        os.write(writes, b"a: 1")
        assert "a pipe from which nothing comes" in message(pipe)
    finally:
        os.close(writes)


def test_an_anchor_may_be_used_again(written: Written) -> None:
    layer = document(written("a: &x [1, 2]\nb: *x\n"))
    assert layer.tree == {"a": [1, 2], "b": [1, 2]}
    assert not layer.mistakes


def test_quotes_make_text_of_everything(written: Written) -> None:
    assert document(written("a: '1'\nb: \"null\"\n")).tree == {"a": "1", "b": "null"}


def test_a_file_that_is_not_there(written: Written) -> None:
    assert message(Path("nowhere.yaml")) == (
        "nowhere.yaml: cannot be read: No such file or directory; `upload-proxy "
        "schema --as yaml` prints one to begin with"
    )


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    assert message(tmp_path).endswith(": cannot be read: Is a directory")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- a\n", "1:1: expected keys and values, such as listen: 127.0.0.1:8080"),
        ("word\n", "1:1: expected keys and values, such as listen: 127.0.0.1:8080"),
        ("null\n", "1:1: expected keys and values, such as listen: 127.0.0.1:8080"),
        (
            "log:\n\tlevel: info\n",
            "2:1: not YAML: found character '\\t' that cannot start any token; indent "
            "with spaces, not with tabs",
        ),
        (
            "listen: [::]:8080\n",
            "1:13: not YAML: expected <block end>, but found '<scalar>'; write an "
            'address in quotes: "[::1]:8080"',
        ),
        (
            "cors:\n  allow_origins: *\n",
            "2:19: not YAML: expected alphabetic or numeric character, but found "
            "'\\n'; write a star in quotes: \"*\"",
        ),
        (
            "log: {level: ${LEVEL}}\n",
            "1:15: not YAML: expected ',' or '}', but got '{'; within [ ] and { }, "
            'write "${VAR}" in quotes',
        ),
        ("a: b: c\n", "1:5: not YAML: mapping values are not allowed here"),
        (
            "a: *x\n",
            "1:4: not YAML: found undefined alias 'x'; write a star in quotes: \"*\"",
        ),
        ("a: 1\n---\nb: 2\n", "2:1: not YAML: but found another document"),
        ("a: 'x\n", "2:1: not YAML: found unexpected end of stream"),
        ("a: 1\nb: x\x00y\n", "2:5: not YAML: special characters are not allowed"),
    ],
)
def test_what_is_no_yaml(text: str, told: str, written: Written) -> None:
    assert message(written(text)) == f"config.yaml:{told}"


def test_what_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_bytes(b"a: 1\nb: caf\xe9\n")
    assert message(file) == f"{file}:2:7: expected UTF-8, got bytes that are none"


def test_depth_has_an_end(written: Written) -> None:
    assert message(written("a: " + "[" * 20000)) == (
        "config.yaml: not YAML that can be read: RecursionError"
    )


def test_what_other_editors_leave_behind_is_read(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_bytes(b"\xef\xbb\xbflog:\r\n  level: info\r\n")
    assert document(file).tree == {"log": {"level": "info"}}


PIECES = [
    "a",
    ": ",
    "\n",
    "\n  ",
    "- ",
    "? ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "&x ",
    "*x",
    "!t ",
]
PIECES += [
    "|",
    ">",
    "'",
    '"',
    "\\",
    "%YAML 1.1\n",
    "---\n",
    "...\n",
    "<<: ",
    "#",
    "@",
    "`",
]
PIECES += [
    "${",
    "}",
    "$$",
    "\t",
    "\ufeff",
    "\x85",
    "origin",
    "uploads:\n  limits:\n    ",
]


@given(
    st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=20).map("".join)
)
@effort(50)
def test_whatever_is_in_the_file_it_is_read_or_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        load(file, {"origin.url": "http://app"})
    except ConfigError as exc:
        assert all(str(error).startswith(str(file)) for error in exc.errors)  # noqa: PT017
