"""Questions to auth servers, counted by what came of them.

Answers that were remembered were not asked for, and are not here.
"""

from __future__ import annotations

from typing import Final

from . import catalogue
from .cells import Book

OUTCOMES: Final = ("passed", "refused", "later", "silent")


class QuestionsSeen:
    """Hears of every question, see ``auth.Observer``."""

    def __init__(self, book: Book) -> None:
        first = [(outcome,) for outcome in OUTCOMES]
        self._asked = book.counter(catalogue.AUTH_REQUESTS, first)
        self._seconds = book.histogram(catalogue.AUTH_SECONDS)

    def asked(self, outcome: str, took_s: float) -> None:
        """It was answered so, or not at all, after so many seconds."""
        self._asked.add((outcome,))
        self._seconds.observe(took_s)
