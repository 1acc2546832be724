"""The base of every mapping in the configuration file.

It stands alone, below the model, because the policy kinds' own config models derive from it and the model
is made from those.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A mapping in the file: unknown keys are errors, and what is read is never changed.

    Nothing is guessed: ``"yes"`` is no boolean and ``"5"`` no number. A string below a field is its
    documentation: the reference and the JSON Schema for editors are made from it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)
