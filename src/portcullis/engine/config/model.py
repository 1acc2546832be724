"""The model of the configuration file.

Every key of the file is a field here or in a policy's own config model; the reference in the docs and the
JSON Schema for editors are generated from these. ``None`` in :class:`OperationSettings` means "inherit".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, create_model

from portcullis.engine.authorization.call_graph import check_call
from portcullis.engine.config.names import (
    BasePath,
    DatabaseUrl,
    FieldName,
    FilePath,
    Host,
    IdentityName,
    Include,
    Name,
    OperationName,
    PermissionPattern,
    PlanName,
    ProxyUrl,
    RoleName,
    UpstreamUrl,
)
from portcullis.engine.config.section import ListedSection, Section
from portcullis.engine.config.values import Bind, Deadline, Duration, Meaning, Network, Size
from portcullis.engine.decision_points.declaring import DecisionPointConfig
from portcullis.engine.policy import Mode, policies_of
from portcullis.engine.relations.declaring import RelationTypes
from portcullis.engine.token_service.declaring import TokenServiceConfig


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


class TlsConfig(Section):
    """TLS on a listener, with a certificate from files."""

    certificate: FilePath
    """PEM file with the certificate and its chain."""
    key: FilePath
    """PEM file with the private key."""
    client_ca: FilePath | None = None
    """PEM file with the authorities whose client certificates are taken; with it clients are asked for one."""
    client_certificate: Literal["require", "request"] = "require"
    """``require``: clients without a certificate are sent away; ``request``: they may call what needs none."""
    crl: list[FilePath] = Field([], min_length=1, max_length=64)
    """Revocation lists of these authorities, in PEM or DER; read at the start and at every reload."""


class ListenerTimeouts(Section):
    """Deadlines on the client's side; each has a precedent in nginx's or Envoy's default."""

    header: Deadline = 10.0
    """From the first byte of a request (or the end of the TLS handshake) to the end of its head."""
    body: Deadline = 30.0
    """Between two pieces of a request body, and for a client to take a piece of the answer."""
    idle: Deadline = 75.0
    """Of a kept connection between two requests."""


class ListenerConfig(Section):
    """An address the gateway listens on. The listener named ``admin`` serves health and metrics."""

    bind: Bind
    """Address and port."""
    tls: TlsConfig | None = None
    """TLS; needed everywhere but on loopback and on redirectors."""
    redirect: Literal["https"] | None = None
    """Answer every request with a redirect to the same URL under https."""
    redirect_port: int = Field(443, ge=1, le=65535)
    """Port of the https URL that a redirector points to."""
    allow: list[Network] = Field([], min_length=1)
    """Connections from other addresses are closed at once; default: every address may connect."""
    deny: list[Network] = Field([], min_length=1)
    """Connections from these addresses are closed at once, whatever ``allow`` says."""
    trusted_proxies: list[Network] = []
    """Peers whose ``Forwarded`` and ``X-Forwarded-*`` fields are believed."""
    client_certificate_header: Literal["Client-Cert"] | None = None
    """Field in which ``trusted_proxies``, who end TLS, name the client's certificate (RFC 9440)."""
    timeouts: ListenerTimeouts = ListenerTimeouts()
    """Deadlines on the client's side."""
    max_header_bytes: Size = Field(16 * 1024, ge=512, le=1024 * 1024)
    """Bytes of request line and header fields together (nginx 32 KiB, Envoy 60 KiB, Node 16 KiB)."""
    max_connections: int = Field(20_000, ge=1)
    """Open connections in one worker."""
    max_connections_per_address: int = Field(1_000, ge=1)
    """Open connections from one client address, over all workers; trusted proxies are not counted."""


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


def _one_is_a_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


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
    max_body: Size | None = None
    """Bytes of request body accepted; default 1 MiB (nginx: 1 MiB)."""
    max_response: Size | None = None
    """Bytes of an answer that are held back for checks that read it whole; default 4 MiB. Others stream."""


class UpstreamTimeouts(Section):
    """Deadlines on the upstream's side."""

    connect: Deadline = 3.0
    """To open a connection (and finish TLS)."""
    first_byte: Deadline = 30.0
    """From the end of the request to the first byte of the answer."""
    idle: Deadline = 30.0
    """Between two pieces of the answer, and for the upstream to take a piece of the request."""
    whole: Deadline = 120.0
    """For the whole exchange with the upstream."""
    keep: Deadline = 55.0
    """An unused connection is kept this long (below the common 60 s of servers)."""


class EjectionConfig(Section):
    """Passive health: a target that fails is left out for a while."""

    failures: int = Field(5, ge=1)
    """Consecutive failures (connect errors, timeouts, broken answers) after which it is left out."""
    duration: Deadline = 10.0
    """How long; doubled at each ejection in a row, up to 5 minutes."""


class UpstreamConfig(Section):
    """Where the calls of an API go."""

    targets: list[UpstreamUrl] = Field(min_length=1)
    """URLs (``http://127.0.0.1:9000``, ``https://shop.internal:9000``); requests go round robin."""
    path: Literal["keep", "strip"] = "keep"
    """``strip`` removes base path and version from the path before it is sent upstream."""
    host: Literal["upstream", "preserve"] = "upstream"
    """Host field sent upstream: the target's own, or the one the client sent."""
    ca: FilePath | None = None
    """PEM file with the certificate authorities that may sign the targets' certificates; default: the system's."""
    timeouts: UpstreamTimeouts = UpstreamTimeouts()
    """Deadlines on the upstream's side."""
    max_connections: int = Field(1_000, ge=1)
    """Open connections to one target from one worker."""
    max_header_bytes: Size = Field(64 * 1024, ge=512, le=1024 * 1024)
    """Bytes of an answer's status line and header fields together (nginx 4 or 8 KiB, Envoy 60 KiB)."""
    resolve_every: Deadline = 10.0
    """How often host names are resolved again."""
    ejection: EjectionConfig = EjectionConfig()
    """Passive health."""


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


class AccessLogConfig(Section):
    """The access log: one JSON line per exchange."""

    path: FilePath
    """File, relative to this one. Reopened on SIGHUP and when it was moved away."""
    rotate_at: Size = 100 * 1024 * 1024
    """Size at which the file is rotated."""
    keep: int = Field(5, ge=0, le=1000)
    """How many rotated files are kept."""


class ObserveConfig(Section):
    """What is recorded, and where."""

    access_log: AccessLogConfig | None = None
    """The access log."""


class OutgoingConfig(Section):
    """How the gateway itself calls others: issuers of tokens for their keys, and whoever is asked about a caller."""

    proxy: ProxyUrl | None = None
    """Proxy for these calls (``http://proxy.internal:3128``); what the environment says of proxies is not used."""
    ca: FilePath | None = None
    """PEM file with the certificate authorities that may sign for them; default: the system's."""
    timeout: Deadline = 5.0
    """How long one call may take."""


class PasswordsConfig(Section):
    """What the passwords of users must be when they are set."""

    min_length: int = Field(12, ge=8, le=64)
    """Characters of a password at least (NIST SP 800-63B-4: 15 where there is nothing besides it)."""
    deny_list: FilePath | None = None
    """File with passwords that are not taken, one a line, such as a list of common ones."""


class KeysConfig(Section):
    """When the control process reminds of API keys, once a day and in ``/metrics``."""

    expiring: Annotated[Duration, Field(ge=3600.0)] = 30 * 86400.0
    """How long before a key stops working."""
    rotate_every: Annotated[Duration, Field(ge=86400.0)] | None = 365 * 86400.0
    """How old keys may get until it is time to rotate them; ``null``: any age."""


class StateConfig(Section):
    """Where the gateway keeps its state."""

    directory: FilePath = ".portcullis"
    """Directory for the database, the control socket and counters, relative to this file; made with mode 0700."""
    records: DatabaseUrl | None = None
    """Database of consumers and keys; default ``sqlite:///<directory>/portcullis.db``."""
    counters: Literal["shared-memory"] = "shared-memory"
    """Where limits are counted."""
    counter_slots: int = Field(131_072, ge=1_024, le=16_777_216)
    """How many counters can be live at a time."""


class ProcessConfig(Section):
    """Workers and memory."""

    workers: Annotated[int, Field(ge=1, le=128)] | Literal["auto"] = "auto"
    """Worker processes; ``auto``: one a CPU, at most 128."""
    drain: Duration = 30.0
    """How long exchanges may take to finish after a reload or SIGTERM."""
    buffer_memory: Size = 256 * 1024 * 1024
    """Bytes of bodies that one worker holds at a time."""


class RoleConfig(ListedSection):
    """What a role gives to whoever holds it; a plain list in the file is short for ``permissions``."""

    listed = "permissions"

    permissions: list[PermissionPattern] = []
    """Permissions; ``*`` stands for a segment between colons, at the end for all that follow."""
    inherits: list[RoleName] = Field([], max_length=64)
    """Roles whose permissions it gives as well."""
    exclusive_with: list[RoleName] = Field([], max_length=64)
    """Roles that nobody may hold together with it (separation of duty), also by inheriting."""


class ServiceConfig(Section):
    """A service that calls others, and what it may call."""

    subjects: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=2048), Meaning("a subject", "spiffe://example.internal/a")]],
        BeforeValidator(_one_is_a_list, json_schema_input_type=str | list[str]),
        Field(min_length=1, max_length=64),
    ]
    """As whom it is proven: a SPIFFE name, another name of a certificate, the subject of its tokens; one or a list."""
    proven_by: list[IdentityName] = Field([], max_length=16)
    """Names of ``identities`` that prove it; default: all that go by client certificates. Whoever one of them proves
    has to be a service."""
    may_call: list[Annotated[str, AfterValidator(check_call), Meaning("an API or an operation", "orders")]] = Field(
        [], max_length=10_000
    )
    """What it may call: APIs (``orders``) and operations (``"payments:POST /v1/charges"``)."""


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
