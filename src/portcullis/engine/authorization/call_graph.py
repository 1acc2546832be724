"""Which service may call what: the graph that the file declares, and which service a caller is.

A service is known by what was proven of it: an entry of ``identities`` and the subject that this entry proved. What
calls with a token that somebody else acts for (``act``, RFC 8693 4.1) is the actor, not the subject: the one who calls
is asked what it may, not the one it calls for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from portcullis.engine.config.names import check_name, check_operation
from portcullis.engine.identity import Identity

if TYPE_CHECKING:
    from portcullis.engine.config.model import Configuration

_NOTHING: Final[frozenset[str]] = frozenset()


class DeclaredService(Protocol):
    """A service as the file has it."""

    @property
    def subjects(self) -> Sequence[str]:
        """As whom it is proven."""

    @property
    def proven_by(self) -> Sequence[str]:
        """The identities that prove it; empty for all that go by certificates."""

    @property
    def may_call(self) -> Sequence[str]:
        """What it may call."""


def check_call(value: str) -> str:
    """``value`` if it names an API or an operation of one; raises ``ValueError``."""
    api, mark, operation = value.partition(":")
    try:
        check_name(api)
        if mark:
            check_operation(operation)
    except ValueError as error:
        message = 'the name of an API, or that and an operation: orders, "payments:POST /v1/charges"'
        raise ValueError(f"{message} ({error})") from None
    return value


class CallGraph:
    """The services of one configuration; ``certificates``: the identities that go by certificates."""

    def __init__(self, services: Mapping[str, DeclaredService], certificates: Sequence[str]) -> None:
        self._services = services
        self._certificates = tuple(certificates)
        self._by_proof = {proof: name for name in services for proof in self.proofs(name)}
        self.provers = frozenset(identity for identity, _ in self._by_proof)

    @classmethod
    def of(cls, configuration: Configuration) -> CallGraph:
        """The graph that ``configuration`` declares."""
        certificates = [name for name, each in configuration.identities.items() if each.mtls is not None]
        return cls(configuration.services, certificates)

    def proofs(self, service: str) -> Iterator[tuple[str, str]]:
        """The pairs of identity and subject that prove ``service``."""
        declared = self._services[service]
        for identity in declared.proven_by or self._certificates:
            for subject in declared.subjects:
                yield identity, subject

    def service_of(self, identity: Identity) -> str | None:
        """The service that ``identity`` proves to be calling; ``None`` if that is none."""
        return self._by_proof.get((identity.name, caller_of(identity)))

    def is_known_as(self, service: str, subject: str) -> bool:
        """Whether ``subject`` is one of those that ``service`` is proven as."""
        return subject in self._services[service].subjects

    def edge(self, service: str, api: str, operation: str) -> str | None:
        """What lets ``service`` call an operation, the narrower where two do; ``None`` if nothing does."""
        declared = self._services[service].may_call
        return next((edge for edge in (f"{api}:{operation}", api) if edge in declared), None)

    def callers(self, api: str, operation: str) -> frozenset[str]:
        """The services that may call an operation."""
        edges = {api, f"{api}:{operation}"}
        return frozenset(name for name, each in self._services.items() if not edges.isdisjoint(each.may_call))


def caller_of(identity: Identity) -> str:
    """Who calls: the one who acts, where somebody acts for the subject."""
    return identity.actors[0] if identity.actors else identity.subject
