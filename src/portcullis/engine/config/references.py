"""What one part of the file says about another: names that must exist, settings that exclude or need each other.

Names are checked on the tree, so that they are also told in a file that has other errors. The rest is checked on
what could be read: entries that are wrong themselves are left out of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from portcullis.engine.authorization.roles import mistakes
from portcullis.engine.config import shape as shapes
from portcullis.engine.config import tree, wording
from portcullis.engine.config.callers import RoleConfig
from portcullis.engine.config.certificates import ManagedCertificateConfig
from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.config.listeners import CertificateFiles, ListenerConfig
from portcullis.engine.config.model import ApiConfig, Configuration, IdentityConfig, OperationSettings, PlanOf
from portcullis.engine.config.names import is_loopback
from portcullis.engine.config.shape import Fields, Scalar, Shape
from portcullis.engine.config.sources import Sources
from portcullis.engine.config.tree import Node, Path, pointer
from portcullis.engine.config.upstreams import UpstreamConfig
from portcullis.engine.decision import shorten
from portcullis.engine.relations.mistakes import mistakes as mistaken_relations
from portcullis.engine.relations.model import Declared
from portcullis.engine.token_service.declaring import TokenServiceConfig

ADMIN: Final = "admin"
"""The listener of this name serves health and metrics."""
_MOST_COMPARED: Final = 20_000
"""How many pairs of names are compared for likeness in one run: a second's worth at most."""


class ReferenceChecker:
    """Checks one configuration: the tree ``root``, read from ``sources``; each method yields what it finds."""

    def __init__(self, root: Node, sources: Sources) -> None:
        self.root = root
        self.sources = sources
        self.used: dict[str, set[str]] = {}
        self.plans_of_consumers = False
        self.compared = 0

    def names(self) -> Iterator[Diagnostic]:
        """Names of things that are not declared. Fills ``used`` (the names in use, by section)."""
        waiting: list[tuple[Path, Shape | None, Node]] = [((), Fields(Configuration), self.root)]
        while waiting:
            path, shape, node = waiting.pop()
            if isinstance(node, tree.Mapping):
                self.plans_of_consumers |= any(option == Fields(PlanOf) for option in shapes.options(shape))
                below = [((*path, key), shapes.step(shape, key), entry.node) for key, entry in node.entries.items()]
                waiting += reversed(below)
            elif isinstance(node, tree.Listing):
                items = [((*path, index), shapes.item_of(shape), item) for index, item in enumerate(node.items)]
                waiting += reversed(items)
            elif isinstance(node.value, str):
                yield from self._name(path, shape, node)

    def _name(self, path: Path, shape: Shape | None, node: tree.Scalar) -> Iterator[Diagnostic]:
        for option in shapes.options(shape):
            if isinstance(option, Scalar) and option.refers is not None:
                section, noun = option.refers.section, option.refers.noun
                self.used.setdefault(section, set()).add(node.text)
                declared = tree.find(self.root, (section,))
                names = declared.entries if isinstance(declared, tree.Mapping) else {}
                if node.text not in names:
                    hint = self._nearest(node.text, names) if names else f'declare it in "{section}"'
                    message = f'there is no {noun} "{shorten(node.text, 60)}"'
                    yield Diagnostic(self.sources.of(path), *node.position, pointer(path), message, hint)

    def _nearest(self, name: str, names: Mapping[str, object]) -> str:
        """What ``name`` was meant to be; only listed what there is, where too many were wrong to compare them all."""
        self.compared += len(names)
        if self.compared > _MOST_COMPARED:
            return f"declared: {wording.listed(names)}"
        return wording.suggest(name, list(names), "declared")

    def listeners(self, listeners: dict[str, ListenerConfig]) -> Iterator[Diagnostic]:
        """Listeners that would speak in clear to the world, contradict themselves or are in each other's way."""
        taken: dict[tuple[str, int], str] = {}
        for name, listener in listeners.items():
            path: Path = ("listeners", name)
            first = taken.setdefault(listener.bind, name)
            if first != name and listener.bind[1]:
                yield self._error(
                    (*path, "bind"), f'listener "{first}" is bound to this already', "give it another port"
                )
            yield from self._transport(path, name, listener)
            for key in ("trusted_proxies", "proxy_protocol"):
                for index, network in enumerate(getattr(listener, key)):
                    if network.prefixlen == 0:
                        message = "every address is trusted, so callers choose their own client address"
                        yield self._warning((*path, key, index), message, "name the networks of your proxies")
        if listeners and not listeners.keys() - {ADMIN}:
            yield self._warning(
                ("listeners",), "no listener serves the APIs", 'only "admin" is there, for health and metrics'
            )

    def _transport(self, path: Path, name: str, listener: ListenerConfig) -> Iterator[Diagnostic]:
        local = is_loopback(listener.bind[0])
        if name == ADMIN and not local:
            yield self._error(
                (*path, "bind"), "the admin listener must be on loopback", "bind it to 127.0.0.1 or [::1]"
            )
        if name == ADMIN and listener.redirect is not None:
            yield self._error((*path, "redirect"), "the admin listener can't redirect", "remove the key")
        if listener.redirect is not None and listener.tls is not None:
            yield self._error((*path, "redirect"), "a redirector to https has no tls itself", "remove redirect or tls")
        if listener.redirect is not None and "h2" in (listener.protocols or ()):
            message = "a redirector speaks HTTP/1.1 only"
            yield self._error((*path, "protocols"), message, "remove the key: nobody begins with HTTP/2 in clear")
        if len(set(listener.spoken)) < len(listener.spoken):
            yield self._error((*path, "protocols"), "a protocol is named twice", "name each once")
        if listener.redirect is None and "redirect_port" in listener.model_fields_set:
            yield self._error((*path, "redirect_port"), "only a redirector has it", "add redirect: https, or remove it")
        if name != ADMIN and not local and listener.tls is None and listener.redirect is None:
            hint = "add tls or redirect: https, or bind to 127.0.0.1"
            yield self._error((*path, "bind"), "plain HTTP is served on loopback only", hint)

    def client_certificates(
        self, listeners: dict[str, ListenerConfig], identities: dict[str, IdentityConfig]
    ) -> Iterator[Diagnostic]:
        """Settings for client certificates where none are asked for, and identities that nobody could prove."""
        asked = False
        for name, listener in listeners.items():
            path: Path = ("listeners", name)
            tls = listener.tls
            asked |= tls is not None and tls.client_ca is not None
            for key in ("client_certificate", "crl", "revocation") if tls is not None and tls.client_ca is None else ():
                if tls is not None and key in tls.model_fields_set:
                    hint = "add client_ca: the authorities whose certificates are taken"
                    yield self._error((*path, "tls", key), "no client certificates are asked for", hint)
            if listener.client_certificate_header is not None:
                asked = True
                if not listener.trusted_proxies:
                    message = "anyone could write it: it is taken from trusted_proxies only"
                    yield self._error((*path, "client_certificate_header"), message, "add trusted_proxies")
        for name, identity in identities.items():
            if identity.mtls is not None and not asked:
                message = "no listener asks for client certificates: nobody can be proven by it"
                yield self._error(("identities", name, "mtls"), message, "add client_ca to the tls of a listener")

    def certificates(self, configuration: Configuration) -> Iterator[Diagnostic]:
        """Certificates that are neither of files nor managed, and managed ones whose names could not be proven."""
        listeners = configuration.listeners
        for name, listener in listeners.items():
            if listener.tls is not None:
                path: Path = ("listeners", name, "tls")
                yield from self._shown_certificate(path, listener.tls)
                for index, pair in enumerate(listener.tls.certificates):
                    yield from self._shown_certificate((*path, "certificates", index), pair)
        redirects = any(listener.redirect is not None for listener in listeners.values())
        encrypts = any(listener.tls is not None for name, listener in listeners.items() if name != ADMIN)
        for name, managed in configuration.certificates.items():
            at: Path = ("certificates", name)
            authorities = configuration.certificate_authorities
            kinds = {authorities[each].private is not None for each in managed.authorities if each in authorities}
            if True in kinds or not managed.authorities:
                yield from self._private_certificate(at, managed, mixed=len(kinds) > 1)
            else:
                yield from self._proven_certificate(at, managed, redirects=redirects, encrypts=encrypts)

    def _proven_certificate(
        self, at: Path, managed: ManagedCertificateConfig, *, redirects: bool, encrypts: bool
    ) -> Iterator[Diagnostic]:
        if managed.spiffe_id is not None:
            hint = "name a private authority, or remove it"
            yield self._error((*at, "spiffe_id"), "public authorities issue for host names only", hint)
        if managed.challenge == "dns-01" and not managed.dns_hook:
            yield self._error((*at, "challenge"), "nothing sets records of the DNS", "add dns_hook: [COMMAND]")
        if managed.challenge != "dns-01" and managed.dns_hook:
            yield self._error((*at, "dns_hook"), "it is for dns-01 only", "add challenge: dns-01, or remove it")
        if managed.challenge == "http-01" and not redirects:
            hint = "add a listener with redirect: https that is reached at port 80"
            yield self._error((*at, "challenge"), "no listener answers http-01", hint)
        if managed.challenge == "tls-alpn-01" and not encrypts:
            hint = "add a listener with tls that is reached at port 443"
            yield self._error((*at, "challenge"), "no listener answers tls-alpn-01", hint)
        for index, host in enumerate(managed.names):
            if host.startswith("*.") and managed.challenge != "dns-01":
                yield self._error((*at, "names", index), "wildcards are proven by dns-01", "challenge: dns-01")

    def _private_certificate(self, at: Path, managed: ManagedCertificateConfig, *, mixed: bool) -> Iterator[Diagnostic]:
        if mixed:
            message = "a private authority and a public one do not stand in for each other"
            yield self._error((*at, "authorities"), message, "name authorities of one kind")
        for key in ("challenge", "dns_hook", "dns_wait"):
            if key in managed.model_fields_set:
                yield self._error((*at, key), "nothing has to be proven to a private authority", "remove it")
        if not managed.authorities and managed.folder is not None:
            hint = "name an authority, or remove it"
            yield self._error((*at, "folder"), "an imported certificate is shown by the gateway only", hint)

    def _shown_certificate(self, path: Path, pair: CertificateFiles) -> Iterator[Diagnostic]:
        if pair.managed is not None and (pair.certificate or pair.key):
            message = "a managed certificate has no files of yours"
            yield self._error((*path, "managed"), message, "remove managed, or certificate and key")
        elif pair.managed is None and not (pair.certificate and pair.key):
            hint = "certificate and key (PEM files), or managed: one of certificates"
            yield self._error(path, "there is no certificate", hint)

    def roles(self, roles: dict[str, RoleConfig]) -> Iterator[Diagnostic]:
        """Roles that give nothing, inherit themselves, or that nobody could hold."""
        for mistake in mistakes(roles):
            yield self._error(("roles", *mistake.path), mistake.message, mistake.hint)

    def token_service(
        self, service: TokenServiceConfig | None, identities: dict[str, IdentityConfig]
    ) -> Iterator[Diagnostic]:
        """Identities that go by tokens which the token service does not issue."""
        for name, identity in identities.items():
            if identity.token is None:
                continue
            path: Path = ("identities", name, "token")
            if service is None:
                hint = "add token_service: {issuer: https://id.shop.example, audiences: [...]}"
                yield self._error(path, "there is no token service that issues such tokens", hint)
                continue
            for audience in identity.token.audience:
                if audience not in service.audiences:
                    hint = wording.suggest(audience, service.audiences, "declared")
                    message = f'the token service has no audience "{shorten(audience, 60)}"'
                    yield self._error((*path, "audience"), message, hint)

    def relations(self, declared: Declared) -> Iterator[Diagnostic]:
        """Relations with names that are not there, and such as nobody could have."""
        for mistake in mistaken_relations(declared):
            yield self._error(("relations", *mistake.path), mistake.message, mistake.hint)

    def apis(self, apis: dict[str, ApiConfig]) -> Iterator[Diagnostic]:
        """APIs whose versions can't be told apart, and settings that contradict each other."""
        for name, api in apis.items():
            path: Path = ("apis", name)
            yield from self._versions(path, api)
            yield from self._settings(path, api)
            yield from self._hosts(path, api)
            yield from self._upstream((*path, "upstream"), api.upstream)
            for operation, settings in api.operations.items():
                yield from self._settings((*path, "operations", operation), settings)
            for version, config in api.versions.items():
                yield from self._settings((*path, "versions", version), config)
                for operation, settings in config.operations.items():
                    yield from self._settings((*path, "versions", version, "operations", operation), settings)

    def _upstream(self, path: Path, upstream: UpstreamConfig) -> Iterator[Diagnostic]:
        tls = upstream.tls
        for key, other in (("certificate", "key"), ("key", "certificate")):
            if getattr(tls, key) is not None and getattr(tls, other) is None:
                hint = f"add {other}: the PEM file that belongs to it"
                yield self._error((*path, "tls", key), "certificate and key go together", hint)
        if tls.unverified is not None:
            if upstream.ca is not None:
                hint = "remove ca, or remove tls.unverified and let it verify"
                yield self._error((*path, "ca"), "certificates are not verified, so nobody looks at it", hint)
            verified = "their keys are, by pins" if tls.pins else "whoever is on the way can read and change the calls"
            message = f"the certificates of these services are not verified, {verified}. The reason given: "
            hint = "name their authorities in ca" if tls.pins else "name their authorities in ca, or their keys in pins"
            yield self._warning((*path, "tls", "unverified"), message + shorten(tls.unverified, 200), hint)
        if len(set(upstream.protocols)) < len(upstream.protocols):
            yield self._error((*path, "protocols"), "a protocol is named twice", "name each once")
        elif len(upstream.protocols) > 1 and any(target.startswith("http:") for target in upstream.targets):
            message = "a service in clear can't be asked which of them it speaks"
            yield self._error((*path, "protocols"), message, "name the one that it speaks")
        if len(tls.pins) == 1:
            message = "there is no backup pin: when the key is replaced the service can't be reached"
            yield self._warning((*path, "tls", "pins"), message, "add the pin of the key that comes next")

    def _hosts(self, path: Path, api: ApiConfig) -> Iterator[Diagnostic]:
        seen: set[str] = set()
        for index, host in enumerate(api.hosts):
            if host in seen:
                yield self._error((*path, "hosts", index), f"{host} is listed twice", "remove one of them")
            seen.add(host)

    def _versions(self, path: Path, api: ApiConfig) -> Iterator[Diagnostic]:
        names = list(api.versions)
        if api.version is None:
            if len(names) > 1:
                message = "several versions, and nothing says how a request names one"
                yield self._error((*path, "versions"), message, "add version: {by: path} or version: {by: header}")
            return
        where = (*path, "version")
        if api.version.by == "path":
            for key in ("name", "default"):
                if key in api.version.model_fields_set:
                    hint = "with by: path the version is a segment of every path; remove the key"
                    yield self._error((*where, key), "only a version in a header field has it", hint)
        elif api.version.default is not None and api.version.default not in names:
            message = f'there is no version "{shorten(api.version.default, 60)}"'
            yield self._error((*where, "default"), message, wording.suggest(api.version.default, names, "declared"))

    def _settings(self, path: Path, settings: OperationSettings) -> Iterator[Diagnostic]:
        if settings.public and settings.authenticate is not None:
            message = "public and authenticate exclude each other"
            yield self._error((*path, "public"), message, "remove public: true, or authenticate")
        asked = settings.authorize
        if asked is not None and asked.every_caller and asked.model_fields_set > {"every_caller"}:
            message = "every_caller and what else is asked of callers exclude each other"
            yield self._error((*path, "authorize", "every_caller"), message, "remove every_caller, or the rest")
        limit = settings.limit
        if limit is not None and isinstance(limit.plan, str) and limit.default_plan is not None:
            hint = "it is for plan: {of: consumer}; remove it"
            yield self._error((*path, "limit", "default_plan"), "a limit with one plan for all has no default", hint)

    def _error(self, path: Path, message: str, hint: str) -> Diagnostic:
        return Diagnostic(self.sources.of(path), *tree.locate(self.root, path), pointer(path), message, hint)

    def _warning(self, path: Path, message: str, hint: str) -> Diagnostic:
        return Diagnostic(self.sources.of(path), *tree.locate(self.root, path), pointer(path), message, hint, "warning")
