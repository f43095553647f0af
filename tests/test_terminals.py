"""What a terminal would obey is told by its number."""

from __future__ import annotations

from proxy.terminals import plain


def test_a_terminal_has_nothing_to_obey() -> None:
    assert plain("a\x1b[2Jb\n\x9b\u202ec é") == "a\\x1b[2Jb\\n\\x9b\\u202ec é"
