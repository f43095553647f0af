"""What goes wrong: how it reads, and that nobody catches another's family."""

from __future__ import annotations

import pytest

from proxy.core.errors import (
    ClientGone,
    Gone,
    OriginCut,
    OriginError,
    OriginLost,
    OriginUnreached,
    Problem,
    Refusal,
    SpoolError,
    UploadLost,
    UploadMissing,
    UploadTooNew,
    UploadTorn,
)

FAMILIES: dict[type[Exception], tuple[type[Exception], ...]] = {
    Refusal: (Refusal,),
    ClientGone: (ClientGone,),
    SpoolError: (SpoolError, UploadMissing, UploadLost, UploadTooNew, UploadTorn),
    OriginError: (OriginError, OriginUnreached, OriginCut, OriginLost),
}


def test_a_refusal_reads_as_problem_and_detail() -> None:
    refusal = Refusal(Problem.OFFSET_MISMATCH, "It continues at 40, not at 25.")
    assert str(refusal) == "offset-mismatch: It continues at 40, not at 25."


def test_a_refusal_is_equal_only_to_itself_and_can_be_raised() -> None:
    refusal = Refusal(Problem.STORAGE, "No room.")
    assert refusal != Refusal(Problem.STORAGE, "No room.")
    with pytest.raises(Refusal) as caught:
        raise refusal
    assert caught.value is refusal


@pytest.mark.parametrize("why", Gone)
def test_a_client_that_has_gone_says_why(why: Gone) -> None:
    gone = ClientGone(why)
    assert (gone.why, str(gone)) == (why, why.value)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_four_families_do_not_overlap(family: type[Exception]) -> None:
    """Each is caught in one room only, so none may be caught with another."""
    for other, members in FAMILIES.items():
        for member in members:
            assert issubclass(member, family) is (other is family)
