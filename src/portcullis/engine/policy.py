"""What a policy is, and how the ones that exist are found.

One policy kind is one module below ``engine/policies/<phase>/``. Its docstring is its documentation
(headings What, Why, Config, When it fails, Example), and its ``POLICY`` says the rest. Nothing else has
to be told that it exists: the configuration model, the docs, the code list and the tests find it here.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any, Literal, Protocol

import msgspec
from pydantic import BaseModel

from portcullis.engine.codes import PHASES, Code
from portcullis.engine.decision import Answer, Modify, Refuse
from portcullis.engine.facts import Facts, Verdict
from portcullis.engine.request import RequestView
from portcullis.engine.response import ResponseView

Mode = Literal["enforce", "monitor", "off"]
Needs = Literal["head", "wire", "body", "stream", "before", "response_head", "response_body", "answer"]
Decision = Refuse | Modify | Answer | None
StepFunction = Callable[[RequestView, Facts], Decision | Awaitable[Decision]]
ResponseDecision = Refuse | Modify | None
ResponseStepFunction = Callable[[ResponseView, Facts], ResponseDecision]
ResponseBodyStepFunction = Callable[[ResponseView, Facts], ResponseDecision | Awaitable[ResponseDecision]]


class FirstRead(msgspec.Struct, frozen=True):
    """What the service has to be asked (by ``GET``) before the request is sent to it: whose the object is, say.

    ``target``: path and query, as the service is asked; ``accept``: the media types that can be read; ``judge``:
    decides by its answer, which is whole; ``unread``: the refusal where there is none, or none that can be read.
    """

    target: str
    accept: bytes
    judge: Callable[[ResponseView, Facts], Refuse | Awaitable[Refuse | None] | None]
    unread: Refuse


FirstReadFunction = Callable[[RequestView, Facts], FirstRead | Refuse | None]


class BodyScanner(Protocol):
    """Looks at a request body that streams through: every piece, decoded, before it is sent on."""

    @property
    def held(self) -> int:
        """Bytes of it that are kept, of any number; what is a few KiB at most need not be told."""

    def feed(self, data: bytes) -> Refuse | None:
        """Look at the next piece, which is not empty."""

    def end(self) -> Refuse | None:
        """The body is whole. Not called once something was refused."""


ScannerFunction = Callable[[RequestView, Facts], BodyScanner | None]

MUTATIONS = Literal[
    "foreign_address",
    "remove_credential",
    "corrupt_credential",
    "duplicate_credential",
    "drop_scopes",
    "drop_roles",
    "drop_claims",
    "foreign_caller",
    "exceed_rate",
    "undeclared_query",
    "undeclared_field",
    "wrong_type",
    "missing_required",
    "wrong_media_type",
    "duplicate_json_key",
    "malformed_json",
    "bad_path_value",
    "undeclared_status",
    "wrong_response_type",
    "malformed_response",
    "undeclared_response_field",
    "wrong_response_value",
    "foreign_origin",
    "stack_trace",
    "missing_security_headers",
    "denied_address",
    "injection",
    "foreign_object",
    "enumerate_objects",
    "hidden_field",
    "forbidden_field",
    "forge_identity",
    "deny_decision",
]


class Probe(msgspec.Struct, frozen=True):
    """A test of a policy as data: apply ``mutation`` to a valid call, and the record must show ``expects``.

    The engine never runs probes; the attack side and the tests do.
    """

    name: str
    mutation: MUTATIONS
    expects: Code


class Policy(msgspec.Struct, frozen=True):
    """One policy kind.

    ``phase``: the phase it runs in; ``key``: its name in the file, below that phase's section;
    ``config``: the model of what stands there; ``codes``: everything it can refuse with;
    ``compile``: makes what runs, with the signature its phase's package describes.
    """

    phase: str
    key: str
    config: type[BaseModel]
    codes: tuple[Code, ...]
    probes: tuple[Probe, ...]
    compile: Callable[..., Any]

    @property
    def name(self) -> str:
        """Its name in records, metrics and docs: ``<phase>.<key>``."""
        return f"{self.phase}.{self.key}"

    def config_in(self, section: BaseModel | None) -> Any:
        """Its settings in ``section``, or those that hold where the file says nothing: always the same object."""
        return getattr(section, self.key, None) or _defaults(self.config)


class Step(msgspec.Struct, frozen=True):
    """One step of an operation's pipeline. What ``needs`` says decides when ``run`` is called, and with what:

    ``head``           a :data:`StepFunction`, when the request's head is there
    ``wire``           a :data:`StepFunction` that never waits and only refuses, when the whole request body is there as
                       it was sent, content codings and all; ``b""`` where the request has none
    ``body``           a :data:`StepFunction`, when the whole request body is there, content codings taken off
    ``stream``         a :data:`ScannerFunction`, for a body that is not held back: gives what looks at its pieces
    ``before``         a :data:`FirstReadFunction`, when all of these have let the request pass: gives what has to be
                       read of the service before the request is sent
    ``response_head``  a :data:`ResponseStepFunction`, when the head of the service's answer is there
    ``response_body``  a :data:`ResponseBodyStepFunction`, when its whole body is there, content codings taken off
    ``answer``         a :data:`ResponseStepFunction` that only modifies, for whatever the client is answered

    A request body is held back until it is whole if a ``wire`` or ``body`` step ``wants`` it (``None``: always); then
    all of these steps run, otherwise the ``stream`` steps do. ``response_body`` steps want a body likewise, by the
    answer's head.

    In ``monitor`` mode a refusal is recorded and the exchange goes on. ``allowed`` is the verdict that
    is recorded when it has nothing to object; a policy of several steps has it on the last one only. ``unread``: with
    what an answer is refused that a ``response_body`` step wants and that can't be held back or decoded.
    """

    policy: str
    needs: Needs
    run: Callable[..., Any]
    monitor: bool = False
    allowed: Verdict | None = None
    wants: Callable[..., bool] | None = None
    unread: Refuse | None = None


@cache
def _defaults(config: type[BaseModel]) -> BaseModel:
    return config()


@cache
def policies_of(phase: str) -> tuple[Policy, ...]:
    """All policy kinds of one phase, by name of their key."""
    package = importlib.import_module(f"portcullis.engine.policies.{phase}")
    found = [
        importlib.import_module(f"{package.__name__}.{module.name}").POLICY
        for module in pkgutil.iter_modules(package.__path__)
    ]
    return tuple(sorted(found, key=lambda policy: policy.key))


@cache
def all_policies() -> tuple[Policy, ...]:
    """Every policy kind, in the order of the phases."""
    packages = importlib.import_module("portcullis.engine.policies")
    present = {module.name for module in pkgutil.iter_modules(packages.__path__)}
    return tuple(policy for phase in PHASES if phase in present for policy in policies_of(phase))
