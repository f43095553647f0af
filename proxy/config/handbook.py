"""The documents made from the model: the reference file and ``docs/configuration.md``.

What is true of every key comes from the model, what is true of the whole stands here.
The one invariant: a document names every key once, with its default.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, get_args

from .keys import Key, dotted, items_in, section_in
from .kinds import Kind
from .model import Config
from .report import defaults, paragraphs, written
from .section import Section

ORIGIN_URL: Final = ("origin", "url")
_DANGER: Final = "Danger: "
_REFERENCE_HEAD: Final = """\
# yaml-language-server: $schema=./schema.json
#
# Every key of upload-proxy with its default; origin.url alone has none. Leave out what
# you do not change. Sizes are written as 64KiB, 10GiB, 1MB (1KiB is 1024 bytes, 1KB is
# 1000) or as a number of bytes, durations as 10s, 1h30m, 7d or as a number of seconds.
# ${VAR} and ${VAR:-default} in a value are taken from the environment, $$ is one $.
"""
_MARKDOWN_HEAD: Final = """\
# Configuration

One YAML file, the environment and a few flags say how `upload-proxy` works. Only
`origin.url` has to be set; everything else has a default.

    upload-proxy serve --origin http://127.0.0.1:3000
    UPLOAD_PROXY_ORIGIN__URL=http://127.0.0.1:3000 upload-proxy serve
    upload-proxy serve -c config.yaml

What is said in several places: a flag wins over the environment, the environment over
the file, the file over the default. A list is taken whole from the first that has it.

- **The file** is YAML 1.2: `yes` and `0644` are not what they were in YAML 1.1. A key
  that is unknown or stands twice is an error. `upload-proxy schema` prints a JSON
  Schema; an editor that knows YAML finds it by the first line of
  [config/reference.yaml](../config/reference.yaml), which has every key.
- **The environment** has every key: `UPLOAD_PROXY_`, then the names in capitals with
  two underscores between them, as in `UPLOAD_PROXY_UPLOADS__LIMITS__MAX_SIZE=10GiB`. A
  list is written with commas, or as JSON. An empty variable counts as not set; `null`
  sets a key to null. A variable of that name that is no key is an error; those that
  Kubernetes sets for a Service called `upload-proxy` are passed over.
- **The flags** of `serve` are `--origin`, `--listen` and `--spool`.
- **Variables in the file**: `${VAR}` or `${env:VAR}` in a value is replaced by that
  variable, `${VAR:-default}` by the default where it is not set or empty, `$$` by one
  `$`. A variable that is not set and has no default is an error. Keys are left alone,
  and a variable can hold a value only, never more of the file.
- **Sizes** are `64KiB`, `10GiB` (1024 based), `1MB` (1000 based) or a number of bytes.
- **Durations** are `500ms`, `10s`, `1h30m`, `7d`, `1w` or a number of seconds.

`upload-proxy check -c config.yaml` prints what is in effect, or every error with file,
line and column, and ends with 78. `serve` ends with 78 for the same errors and does not
start.
"""


@dataclass(frozen=True, slots=True)
class _Entry:
    """One key, as the documents tell it."""

    kind: str
    text: str
    """What it is for, one paragraph."""
    danger: str
    """What can go wrong with it, or empty."""


def reference() -> str:
    """A file with every key, its default, and a comment that says all about it."""
    return _REFERENCE_HEAD + "".join(_commented(Config, (), defaults()))


def _commented(section: type[Section], key: Key, values: Any) -> Iterator[str]:
    """The lines of `section`, which stands at `key`."""
    indent = "  " * len(key)
    for name in section.model_fields:
        inner, entry = _below(section, name), _entry(section, name)
        about = [entry.text, _DANGER + entry.danger if entry.danger else ""]
        if inner is None:
            about.append(f"({entry.kind})")
            value = written({name: values[name]})
        else:
            value = f"{name}:\n"
        first = key and name == next(iter(section.model_fields))
        yield "" if first else "\n"
        yield "".join(_comment(text, indent) for text in about if text)
        yield indent + value
        if inner is not None:
            yield from _commented(inner, (*key, name), values[name])


def _below(section: type[Section], name: str) -> type[Section] | None:
    """The section that stands under `name`; None when a value or a list does."""
    annotation = section.model_fields[name].annotation
    return None if items_in(annotation) else section_in(annotation)


def _comment(text: str, indent: str) -> str:
    lines = textwrap.wrap(text, 86 - len(indent), break_on_hyphens=False)
    return "".join(f"{indent}# {line}\n" for line in lines)


def _entry(section: type[Section], name: str) -> _Entry:
    field = section.model_fields[name]
    text, _, danger = paragraphs(field.description or "").partition(f"\n\n{_DANGER}")
    return _Entry(_kind(field.metadata, field.annotation), text, danger)


def _kind(metadata: list[Any], annotation: Any) -> str:
    """What may be written there, in a few words."""
    for found in metadata:
        if isinstance(found, Kind):
            return found.title
    items = items_in(annotation)
    if items is not None:
        return f"list of {{{', '.join(items.model_fields)}}}"
    return f"one of {', '.join(map(str, get_args(annotation)))}"


def markdown() -> str:
    """``docs/configuration.md``."""
    return "\n".join([_MARKDOWN_HEAD, *_told(Config, (), defaults())])


def _told(section: type[Section], key: Key, values: Any) -> Iterator[str]:
    """The paragraphs about the keys of `section`, plain values before groups."""
    if not key:
        yield "## Keys\n"
    names = sorted(section.model_fields, key=lambda name: bool(_below(section, name)))
    for name in names:
        inner, below = _below(section, name), (*key, name)
        entry = _entry(section, name)
        if inner is not None:
            yield f"## `{dotted(below)}`\n\n{entry.text}\n"
            yield from _told(inner, below, values[name])
            continue
        default = "none" if below == ORIGIN_URL else _in_line(values[name])
        yield f"### `{dotted(below)}`\n\nDefault: {default}. {_sentence(entry.kind)}\n"
        yield from (f"{_filled(text)}\n" for text in _paragraphs(entry))
        items = items_in(section.model_fields[name].annotation)
        if items is not None:
            yield "".join(_of_item(items, name) for name in items.model_fields)


def _of_item(items: type[Section], name: str) -> str:
    """What is told of one key that each item of a list has."""
    return _filled(f"- `{name}`: " + " ".join(_paragraphs(_entry(items, name)))) + "\n"


def _paragraphs(entry: _Entry) -> Iterator[str]:
    yield entry.text
    if entry.danger:
        yield f"**Danger:** {entry.danger}"


def _in_line(value: Any) -> str:
    _, _, text = written({"value": value}).partition(": ")
    return f"`{text.strip()}`"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _filled(text: str) -> str:
    indent = "  " if text.startswith("- ") else ""
    return textwrap.fill(text, 88, subsequent_indent=indent, break_on_hyphens=False)
