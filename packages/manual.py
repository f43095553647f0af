"""The manual pages: ``python -m packages.manual`` writes them to ``docs/man``.

upload-proxy(1) is made from the commands, upload-proxy.yaml(5) from the model of the
configuration, by way of the document that is made from it. The one invariant: whatever
is said there is said once, in the program.

Source: man(7), the traditional macros, which groff and mandoc both read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

from proxy import __version__
from proxy.cli import app
from proxy.cli.tree import PROGRAM, Command, Place, Takes, tree, walk
from proxy.config import handbook

DIRECTORY: Final = Path(__file__).parents[1] / "docs/man"

_HEAD: Final = (
    '.\\" Written by: make man\n.TH {name} {section} "" "{program}" "{title}"'
)
_FILES: Final = {
    "/etc/upload-proxy/config.yaml": "The configuration, by convention: it is read "
    "only when -c names it, as the unit for systemd and the image do.",
    "$STATE_DIRECTORY, $XDG_STATE_HOME/upload-proxy, ~/.local/state/upload-proxy": (
        "Where the spool is unless it is said: the first of these that is there."
    ),
}
_EXIT_CODES: Final = {
    "0": "Done.",
    "1": "It failed while it ran; what happened is on standard error.",
    "2": "It was used wrongly, or nobody could be asked and --yes was missing.",
    "78": "The configuration is wrong; each mistake is told with file and line.",
}


def pages() -> dict[str, str]:
    """Each page, by the name of its file."""
    return {
        "upload-proxy.1": _tidy(_of_commands(tree(app))),
        "upload-proxy.yaml.5": _tidy(_of_configuration(handbook.markdown())),
    }


def _tidy(page: str) -> str:
    """Without breaks where a heading is one already, which linters speak of."""
    page = re.sub(r"^(\.S[HS] .*)\n\.PP$", r"\1", page, flags=re.MULTILINE)
    return re.sub(r"^\.br\n(?=\.SH)", "", page, flags=re.MULTILINE)


def _of_commands(program: Command) -> str:
    commands = [one for one in walk(program) if not one.commands]
    lines = [
        _head("UPLOAD-PROXY", 1, "User Commands"),
        ".SH NAME",
        f"{PROGRAM} \\- {_escaped(program.summary)}",
        ".SH SYNOPSIS",
        *(line for one in commands for line in _synopsis(one)),
        ".SH DESCRIPTION",
        *_paragraphs(program.help),
        ".SH OPTIONS",
        *(line for one in program.options for line in _described(one)),
        *_tagged("--help", "Say what it does; each command has it, too."),
        ".SH COMMANDS",
    ]
    for command in commands:
        lines.append(f".SS {_escaped(' '.join(command.path))}")
        lines += _paragraphs(command.help)
        for place in (*command.arguments, *command.options):
            lines += _described(place)
    lines.append(".SH EXIT STATUS")
    lines += [one for code, text in _EXIT_CODES.items() for one in _tagged(code, text)]
    lines.append(".SH ENVIRONMENT")
    lines += _tagged(
        "UPLOAD_PROXY_SECTION__KEY",
        "Every key of the configuration, as UPLOAD_PROXY_ORIGIN__URL; it wins over the "
        "file, and an option over both. See upload-proxy.yaml(5).",
    )
    lines.append(".SH FILES")
    lines += [one for file, text in _FILES.items() for one in _tagged(file, text)]
    lines += [".SH SEE ALSO", "upload-proxy.yaml(5)", ""]
    return "\n".join(lines)


def _head(name: str, section: int, title: str) -> str:
    program = f"{PROGRAM} {__version__}"
    return _HEAD.format(name=name, section=section, program=program, title=title)


def _synopsis(command: Command) -> Iterator[str]:
    parts = [f"\\fB{_escaped(' '.join(command.path))}\\fR"]
    parts += ["[\\fIoption\\fR ...]"] if command.options else []
    for one in command.arguments:
        value = f"\\fI{_escaped(one.metavar)}\\fR"
        parts.append(value if one.is_required else f"[{value}]")
    yield " ".join(parts)
    yield ".br"


def _described(place: Place) -> Iterator[str]:
    names = ", ".join(place.names)
    words = ", ".join(place.words) if place.takes is Takes.WORD else ""
    more = [f"One of {words}." if words and "|" not in place.metavar else ""]
    more += [f"Default: {place.default}." if place.default else ""]
    more += ["Has to be given." if place.is_required and place.names else ""]
    text = " ".join(filter(None, (place.text, *more)))
    yield from _tagged(f"{names} {place.metavar}".strip(), text)


def _tagged(tag: str, text: str) -> Iterator[str]:
    """An entry of a list: `tag` in bold, `text` beside or below it."""
    yield ".TP"
    yield f"\\fB{_escaped(tag)}\\fR"
    yield _escaped(text)


def _paragraphs(text: str) -> Iterator[str]:
    """The help of a command; indented lines stay as they are."""
    for part in text.replace("\b\n", "").split("\n\n"):
        for is_fixed, lines in groupby(part.splitlines(), _is_indented):
            if is_fixed:
                fixed = (_escaped(line.strip()) for line in lines)
                yield from (".RS 4", ".nf", *fixed, ".fi", ".RE")
            else:
                yield ".PP"
                yield _escaped(" ".join(lines))


def _is_indented(line: str) -> bool:
    return line.startswith("  ")


def _of_configuration(document: str) -> str:
    """The page for the file, from the document about it."""
    _, _, body = document.partition("\n")
    lines = [
        _head("UPLOAD-PROXY.YAML", 5, "File Formats"),
        ".SH NAME",
        "upload-proxy.yaml \\- configuration of upload-proxy",
        ".SH DESCRIPTION",
    ]
    for block in re.split(r"\n{2,}", body.strip()):
        lines += _block(block)
    return "\n".join([*lines, ".SH SEE ALSO", "upload-proxy(1)", ""])


def _block(block: str) -> Iterator[str]:
    """One paragraph, heading, list or piece of code of a document."""
    if block.startswith("#"):
        level, _, title = block.partition(" ")
        yield f".{'SH' if level == '##' else 'SS'} {_inline(title)}"
    elif block.startswith("    "):
        lines = [line.removeprefix("    ") for line in block.splitlines()]
        yield from (".PP", ".RS 4", ".nf", *map(_escaped, lines), ".fi", ".RE")
    elif block.startswith("- "):
        for item in re.split(r"\n(?=- )", block):
            yield ".IP \\(bu 2"
            yield _inline(" ".join(item.removeprefix("- ").split()))
    else:
        yield ".PP"
        yield _inline(" ".join(block.split()))


def _inline(text: str) -> str:
    """Code and what is strong in bold, links without where they lead."""
    text = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", text)
    escaped = _escaped(text)
    escaped = re.sub(r"\*\*(.+?)\*\*", r"\\fB\1\\fR", escaped)
    return re.sub(r"`([^`]+)`", r"\\fB\1\\fR", escaped)


def _escaped(text: str) -> str:
    """`text` so that roff takes no sign of it for its own."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def main() -> None:
    """Write the pages."""
    DIRECTORY.mkdir(exist_ok=True)
    for name, page in pages().items():
        (DIRECTORY / name).write_text(page)


if __name__ == "__main__":
    main()
