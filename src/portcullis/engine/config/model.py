"""The model of the configuration file.

Every key of the file is a field here or in a policy's own config model; the reference in the docs and the
JSON Schema for editors are generated from these. ``None`` in :class:`OperationSettings` means "inherit".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, create_model

from portcullis.engine.compression.declaring import CompressConfig
from portcullis.engine.config.callers import RoleConfig, ServiceConfig
from portcullis.engine.config.certificates import CertificateAuthorityConfig, ManagedCertificateConfig
from portcullis.engine.config.listeners import ListenerConfig
from portcullis.engine.config.names import (
    BasePath,
    FieldName,
    FilePath,
    Host,
    IdentityName,
    Include,
    Name,
    OperationName,
    PlanName,
)
from portcullis.engine.config.running import (
    KeysConfig,
    ObserveConfig,
    OutgoingConfig,
    PasswordsConfig,
    ProcessConfig,
    StateConfig,
)
from portcullis.engine.config.section import Section
from portcullis.engine.config.upstreams import UpstreamConfig
from portcullis.engine.config.values import Meaning, Size
from portcullis.engine.decision_points.declaring import DecisionPointConfig
from portcullis.engine.policy import Mode, policies_of
from portcullis.engine.relations.declaring import RelationTypes
from portcullis.engine.token_service.declaring import TokenServiceConfig
from portcullis.engine.websocket.declaring import StreamConfig, WebSocketConfig


class PhaseSection(Section):
    """A mapping with one optional key for each policy kind of a phase; the kinds are found, not listed here."""

    if TYPE_CHECKING:

        def __getattr__(self, key: str) -> Any: ...


def _section_of(phase: str, name: str, doc: str, base: type[PhaseSection] = PhaseSection) -> type[PhaseSection]:
    fields: dict[str, Any] = {
        policy.key: (policy.config | None, Field(None, description=(policy.config.__doc__ or "").split("\n")[0]))
        for policy in policies_of(phase)
    }
    return create_model(name, __base__=base, __doc__=doc, __module__=__name__, **fields)


class CallersSection(PhaseSection):
    """What the section ``authorize`` has besides its policy kinds."""

    every_caller: bool | None = None
    """Whoever is authenticated may call: ends what wider settings and the document ask of callers."""


if TYPE_CHECKING:

    class GuardConfig(PhaseSection):
        """From where an operation may be called."""

    class IdentityConfig(PhaseSection):
        """One way to prove who calls."""

    class AuthorizeConfig(CallersSection):
        """Who may call an operation."""

    class PlanConfig(PhaseSection):
        """How much a consumer may use."""

    class ValidateConfig(PhaseSection):
        """What is checked against the OpenAPI document."""

    class InspectConfig(PhaseSection):
        """What is looked for in requests."""

    class ObjectsConfig(PhaseSection):
        """Whose objects are, and who sees and sets their fields."""

    class TransformConfig(PhaseSection):
        """What services are told besides the request."""

    class ProtectConfig(PhaseSection):
        """What is done to answers before they leave."""

else:
    GuardConfig = _section_of("guard", "GuardConfig", "From where an operation may be called.")
    IdentityConfig = _section_of("authenticate", "IdentityConfig", "One way to prove who calls.")
    AuthorizeConfig = _section_of("authorize", "AuthorizeConfig", "Who may call an operation.", CallersSection)
    PlanConfig = _section_of("limit", "PlanConfig", "How much a consumer may use.")
    ValidateConfig = _section_of("validate", "ValidateConfig", "What is checked against the OpenAPI document.")
    InspectConfig = _section_of("inspect", "InspectConfig", "What is looked for in requests.")
    ObjectsConfig = _section_of("objects", "ObjectsConfig", "Whose objects are, and who sees and sets their fields.")
    TransformConfig = _section_of("transform", "TransformConfig", "What services are told besides the request.")
    ProtectConfig = _section_of("protect", "ProtectConfig", "What is done to answers before they leave.")


class PlanOf(Section):
    """The plan is the calling consumer's own."""

    of: Literal["consumer"]
    """Whose plan it is: the calling consumer's."""


class LimitSettings(Section):
    """Limits of an API, version or operation."""

    mode: Mode = "enforce"
    """``enforce``, ``monitor`` (record, let pass) or ``off``."""
    plan: PlanName | PlanOf | None = None
    """Name of a plan, or ``{of: consumer}`` for the plan of the calling consumer."""
    by: Literal["consumer", "credential", "address"] = "consumer"
    """Whose requests are counted together."""
    default_plan: PlanName | None = None
    """With ``{of: consumer}``: the plan of consumers that have none; without it they are refused."""
    on_store_failure: Literal["refuse", "allow"] = "refuse"
    """What to do when the counters can't be reached."""


class AllOf(Section):
    """Several identities that have to be proven together, such as a client certificate and a token."""

    all_of: list[IdentityName] = Field(min_length=2, max_length=4)
    """Names of ``identities``; the caller is who the first of them proves."""


class AuthenticateSettings(Section):
    """Which identities are accepted; a plain list in the file is short for ``any_of``."""

    any_of: list[IdentityName | AllOf] = Field(min_length=1)
    """Names of ``identities``, or ``{all_of: [...]}``; the first whose credential is present decides."""
    mode: Literal["enforce", "monitor"] = "enforce"
    """In ``monitor`` a refused caller passes as anonymous."""


def _list_is_any_of(value: object) -> object:
    return {"any_of": value} if isinstance(value, list) else value


Authenticate = Annotated[
    AuthenticateSettings,
    BeforeValidator(_list_is_any_of, json_schema_input_type=list[str | AllOf] | AuthenticateSettings),
    Meaning("a list of identities", "[partners]"),
]
"""Identities, as a list or with a mode."""


class OperationSettings(Section):
    """What can be set for a whole API, a version or one operation; the narrower one wins, key by key."""

    guard: GuardConfig | None = None
    """Addresses that may call."""
    public: bool | None = None
    """No authentication: anyone may call. Without it an operation must be authenticated."""
    authenticate: Authenticate | None = None
    """Identities that are accepted."""
    authorize: AuthorizeConfig | None = None
    """What a caller must be allowed."""
    limit: LimitSettings | None = None
    """Limits."""
    validate_: ValidateConfig | None = Field(None, alias="validate")
    """Validation against the OpenAPI document."""
    inspect: InspectConfig | None = None
    """Attacks in what requests say."""
    objects: ObjectsConfig | None = None
    """Whose objects are, and who sees and sets their fields."""
    transform: TransformConfig | None = None
    """What services are told besides the request, such as who calls."""
    protect: ProtectConfig | None = None
    """Security headers, and errors without inner details."""
    compress: CompressConfig | None = None
    """Answers are compressed for clients that can read it; without it they go as the service sends them."""
    websocket: WebSocketConfig | None = None
    """The operation is the handshake of a WebSocket. Only for single operations."""
    stream: StreamConfig | None = None
    """Answers may take long, such as server-sent events."""
    max_body: Size | None = None
    """Bytes of request body accepted; default 1 MiB (nginx: 1 MiB)."""
    max_response: Size | None = None
    """Bytes of an answer that are held back for checks that read it whole; default 4 MiB. Others stream."""


class VersionConfig(OperationSettings):
    """One version of an API."""

    spec: FilePath
    """OpenAPI document, relative to this file."""
    operations: dict[OperationName, OperationSettings] = {}
    """Settings of single operations of this version."""


class VersionBy(Section):
    """How a request says which version it means."""

    by: Literal["path", "header"]
    """``path``: the segment after the base path; ``header``: a header field."""
    name: FieldName = "API-Version"
    """Name of the header field."""
    default: str | None = None
    """Version of requests that name none; without it they are refused."""


class ApiConfig(OperationSettings):
    """One API: where it is found, what serves it, and what is enforced."""

    hosts: list[Host] = Field(min_length=1)
    """Host names it answers to; ``*`` for any (development), ``*.shop.example`` for all below a domain."""
    base_path: BasePath | None = None
    """Path before the document's paths; default: the path of the document's first server."""
    version: VersionBy | None = None
    """How a request says which version it means; needed when there are several."""
    allow_encoded_slash: bool = False
    """Let values in the path hold ``%2F`` (``/files/a%2Fb``); only for a service that never takes it for a slash."""
    upstream: UpstreamConfig
    """Where its calls go."""
    versions: dict[Name, VersionConfig] = Field(min_length=1)
    """Its versions by name."""
    operations: dict[OperationName, OperationSettings] = {}
    """Settings of single operations, in all versions that have them: ``"GET /orders/{order_id}"``."""


class Configuration(Section):
    """The whole file."""

    listeners: dict[Name, ListenerConfig] = Field(min_length=1)
    """Addresses to listen on; ``admin`` is the one with health and metrics."""
    identities: dict[Name, IdentityConfig] = {}
    """Ways to prove who calls, by name."""
    services: dict[Name, ServiceConfig] = {}
    """Services that call each other through the gateway, by name: the call graph."""
    roles: dict[Name, Annotated[RoleConfig, Meaning("a list of permissions", '["orders:read"]')]] = {}
    """Roles and the permissions they give."""
    plans: dict[Name, PlanConfig] = {}
    """Plans by name."""
    apis: dict[Name, ApiConfig] = Field(min_length=1)
    """The APIs, by name."""
    certificate_authorities: dict[Name, CertificateAuthorityConfig] = {}
    """Authorities that issue certificates to the gateway, by name."""
    certificates: dict[Name, ManagedCertificateConfig] = {}
    """Certificates that the gateway gets and renews itself, by name."""
    relations: RelationTypes = {}
    """Types of objects and the relations that subjects have to them, by name; a list of identities is a type of
    callers."""
    decision_points: dict[Name, DecisionPointConfig] = {}
    """Others who decide, by name."""
    token_service: TokenServiceConfig | None = None
    """A token service of the gateway's own."""
    passwords: PasswordsConfig = PasswordsConfig()
    """What the passwords of users must be when they are set."""
    keys: KeysConfig = KeysConfig()
    """When the control process reminds of API keys."""
    outgoing: OutgoingConfig = OutgoingConfig()
    """How the gateway itself calls others."""
    observe: ObserveConfig = ObserveConfig()
    """What is recorded, and where."""
    state: StateConfig = StateConfig()
    """Where state is kept."""
    process: ProcessConfig = ProcessConfig()
    """Workers and memory."""
    include: Include = []
    """Files whose ``apis``, ``identities``, ``roles`` and ``plans`` belong to this one: a glob such as ``apis/*.yaml``,
    or a list of them. They are below the folder of this file, and paths in them are relative to themselves."""


INCLUDED_SECTIONS: Final = ("identities", "roles", "plans", "apis")
"""Keys of :class:`Configuration` that an included file may have."""
