"""The layer of the file: YAML 1.2, with the line and column of every key and value.

The file is composed into nodes and read from these, not constructed: nodes know where
they stand, and a key that is given twice, or a variable that is not set, is one mistake
among others instead of the end. The one invariant: whatever is in the file, what comes
out is a layer, or a ``ConfigError`` that says where reading ended.
"""

from __future__ import annotations

import os
import re
import select
import stat
import time
from pathlib import Path
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from .keys import Key, dotted
from .layers import Layer
from .mistakes import ConfigError, Mistake, Place, wrong
from .quantities import WrongValue
from .scalars import substituted, typed

_HINTS: Final = (
    (re.compile(r"^\s*\t"), "indent with spaces, not with tabs"),
    (re.compile(r"\[[0-9A-Fa-f]*:"), 'write an address in quotes: "[::1]:8080"'),
    (re.compile(r"[-:\[,]\s*\*"), 'write a star in quotes: "*"'),
    (re.compile(r"[\[{].*\$\{"), 'within [ ] and { }, write "${VAR}" in quotes'),
)
"""What the line of a syntax error looks like, and what helps then."""
PIPE_S: Final = 5.0
"""Seconds for all of a pipe to come, such as one of a shell's <(...); by hand."""
_PIECE: Final = 65536


def document(file: Path) -> Layer:
    """What `file` says.

    Raises:
        ConfigError: it cannot be read, or is not YAML from some line on.
    """
    text = _text(file)
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as exc:
        raise ConfigError([_syntax(file, text, exc)]) from None
    except ReaderError as exc:
        line, column = _position(text, exc.position)
        place = Place(str(file), line, column)
        raise ConfigError([Mistake(place, "", f"not YAML: {exc.reason}")]) from None
    except (YAMLError, RecursionError) as exc:
        words = f"not YAML that can be read: {type(exc).__name__}"
        raise ConfigError([Mistake(Place(str(file)), "", words)]) from None
    return _Nodes(file).layer(root)


def _text(file: Path) -> str:
    try:
        content = _content(file)
    except OSError as exc:
        words = f"cannot be read: {exc.strerror}{_unread(exc)}"
        raise ConfigError([Mistake(Place(str(file)), "", words)]) from None
    try:
        return content.decode()
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        column = exc.start - content.rfind(b"\n", 0, exc.start)
        place = Place(str(file), line, column)
        words = "expected UTF-8, got bytes that are none"
        raise ConfigError([Mistake(place, "", words)]) from None


def _unread(exc: OSError) -> str:
    """What to do about a file that cannot be read."""
    match exc:
        case FileNotFoundError():
            return "; `upload-proxy schema --as yaml` prints one to begin with"
        case PermissionError():
            return f"; it has to be readable for the user number {os.geteuid()}"
        case _:
            return ""


def _content(file: Path) -> bytes:
    """What is in `file`; nobody waits long for a pipe.

    Raises:
        ConfigError: a pipe has not ended in time.
        OSError: it cannot be read.
    """
    with open(file, "rb", opener=_at_once) as opened:
        if not stat.S_ISFIFO(os.fstat(opened.fileno()).st_mode):
            return opened.read()
        content = _poured(opened.fileno())
    if not content:
        # Not the same as an empty file: it has been read before, or nobody writes.
        words = f"expected a file, got a pipe from which nothing comes in {PIPE_S:g} s"
        raise ConfigError([Mistake(Place(str(file)), "", words)])
    return content


def _at_once(path: str, flags: int) -> int:
    """A descriptor; of a named pipe, without waiting for whoever writes to it."""
    return os.open(path, flags | os.O_NONBLOCK)


def _poured(pipe: int) -> bytes:
    """All that comes from `pipe` until it ends; nothing when it does not in time."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    pieces: list[bytes] = []
    until = time.monotonic() + PIPE_S
    while poll.poll(max(0.0, until - time.monotonic()) * 1000):
        piece = os.read(pipe, _PIECE)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
    return b""


def _position(text: str, index: int) -> tuple[int, int]:
    """Line and column of a character, both from 1."""
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


def _syntax(file: Path, text: str, exc: MarkedYAMLError) -> Mistake:
    mark = exc.problem_mark or exc.context_mark
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    hints = (hint for pattern, hint in _HINTS if pattern.search(line))
    words = "; ".join((f"not YAML: {exc.problem}", *hints))
    return Mistake(Place(str(file), mark.line + 1, mark.column + 1), "", words)


class _Nodes:
    """One walk through the nodes of a file, gathering places and mistakes."""

    def __init__(self, file: Path) -> None:
        self._file = str(file)
        self._keys: dict[Key, Place] = {}
        self._values: dict[Key, Place] = {}
        self._mistakes: dict[Key, Mistake] = {}
        self._open: set[int] = set()
        """Nodes that are being read, by identity."""

    def layer(self, root: Node | None) -> Layer:
        tree = {} if root is None else self._value(root, ())
        if root is not None and not isinstance(tree, dict):
            words = "expected keys and values, such as listen: 127.0.0.1:8080"
            raise ConfigError([Mistake(self._at(root), "", words)])
        assert isinstance(tree, dict)
        return Layer(
            tree,
            self._keys,
            self._values,
            Place(self._file),
            tuple(self._mistakes.values()),
            frozenset(self._mistakes),
        )

    def _at(self, node: Node) -> Place:
        mark: StringMark = node.start_mark
        return Place(self._file, mark.line + 1, mark.column + 1)

    def _note(self, key: Key, node: Node, words: str) -> None:
        self._mistakes.setdefault(key, Mistake(self._at(node), dotted(key), words))

    def _value(self, node: Node, key: Key) -> object:
        self._values.setdefault(key, self._at(node))
        if id(node) in self._open:
            self._note(key, node, "expected a value, got an alias of what it is in")
            return None
        self._open.add(id(node))
        try:
            if isinstance(node, MappingNode):
                return self._mapping(node, key)
            if isinstance(node, SequenceNode):
                return [self._value(n, (*key, i)) for i, n in enumerate(node.value)]
            assert isinstance(node, ScalarNode)
            return self._scalar(node, key)
        finally:
            self._open.remove(id(node))

    def _mapping(self, node: MappingNode, key: Key) -> dict[str, object]:
        tree: dict[str, object] = {}
        for name_node, value_node in node.value:
            if not isinstance(name_node, ScalarNode):
                self._note((*key, "?"), name_node, "expected a plain word as the key")
                continue
            name = str(name_node.value)
            below = (*key, name)
            if name in tree:
                first = self._keys[below].line
                self._note(below, name_node, f"given twice, first in line {first}")
                continue
            self._keys[below] = self._at(name_node)
            if value_node.value == "":  # nothing stands there: YAML marks the next line
                self._values[below] = self._keys[below]
            tree[name] = self._value(value_node, below)
        return tree

    def _scalar(self, node: ScalarNode, key: Key) -> object:
        text = str(node.value)
        try:
            value = substituted(text, os.environ)
        except WrongValue as exc:
            self._note(key, node, wrong(exc, text))
            return None
        return typed(value) if node.style is None else value
