"""What groups of keys have in common.

The one invariant: a group is frozen, and a key that it does not have is an error.
"""

from __future__ import annotations

from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationInfo,
    model_validator,
)

from .quantities import (
    WrongValue,
)


class Section(BaseModel):
    """A group of keys. One of which nothing is said has its defaults."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True
    )

    @model_validator(mode="before")
    @classmethod
    def _nothing_said(cls, value: Any) -> Any:
        # "uploads:" with every line below it commented out is null in YAML
        return {} if value is None else value


def not_alone(value: Any, info: ValidationInfo) -> Any:
    """`value`, unless it goes with a certificate that is not there.

    Raises:
        WrongValue: so it is.
    """
    if value is not None and info.data.get("certificate", value) is None:
        raise WrongValue("a certificate to go with it", 'the key is "certificate"')
    return value
