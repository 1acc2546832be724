"""Types and relations as the configuration file declares them."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field

from portcullis.engine.config.names import IdentityName, Name
from portcullis.engine.config.values import Meaning
from portcullis.engine.relations.model import parse_term


def check_term(value: str) -> str:
    """``value`` if it is a term of a relation; raises ``ValueError``."""
    parse_term(value)
    return value


RelationTerm = Annotated[str, AfterValidator(check_term), Meaning("who has a relation", "group#member")]
"""Who has a relation."""

RelationType: TypeAlias = Annotated[list[IdentityName], Field(min_length=1)] | dict[Name, list[RelationTerm]]
"""A type: the identities that prove its members, where these call, or else its relations, each with who has it."""

RelationTypes: TypeAlias = dict[Name, RelationType]
"""All types, by name."""
