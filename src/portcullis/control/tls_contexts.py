"""The TLS contexts of a gateway, made from the certificates and keys that its configuration names."""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from portcullis.control.certificates.inventory import files_of, id_of
from portcullis.engine.certificates.messages import digest_of
from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.config.listeners import CertificateFiles, TlsConfig
from portcullis.engine.config.load import LoadedConfiguration
from portcullis.engine.config.names import is_list_url
from portcullis.engine.config.upstreams import UpstreamConfig
from portcullis.engine.public_key_pins import read_pin
from portcullis.mounts.certificate_inquiry import CertificateInquiry
from portcullis.mounts.client_certificates import ClientCertificates, ListenerContext
from portcullis.mounts.live_certificates import CertificatePlace, LiveCertificates
from portcullis.mounts.server_names import ServerNames
from portcullis.mounts.tls import server_context
from portcullis.mounts.upstream_tls import UpstreamTls, upstream_context
from portcullis.stores.files import ConfigurationFiles

if TYPE_CHECKING:
    from portcullis.engine.authentication.live_revocation import LiveRevocation
    from portcullis.engine.ports import Questions

_PAIR: Final = "two PEM files that belong together: the certificate with its chain, and its unencrypted key"


class TlsContexts(msgspec.Struct, frozen=True, eq=False):
    """What could be loaded, and what is wrong with the rest.

    ``listeners``: for each listener with TLS, by its name; ``upstreams``: for each API with an https target.
    """

    listeners: Mapping[str, ssl.SSLContext]
    upstreams: Mapping[str, ssl.SSLContext]
    errors: Sequence[Diagnostic]
    live: LiveCertificates = msgspec.field(default_factory=lambda: LiveCertificates(_unreadable))
    """Through which workers take certificates that have changed."""


def load_contexts(loaded: LoadedConfiguration, files: ConfigurationFiles) -> TlsContexts:
    """Load all of them. To be done before workers are forked, who then share the keys of session tickets."""
    loader = _Loader(loaded, files)
    configuration = loaded.configuration
    listeners = {
        name: loader.load_listener(("listeners", name, "tls"), tls, listener.spoken)
        for name, listener in configuration.listeners.items()
        if (tls := listener.tls) is not None
    }
    made: dict[UpstreamTls, ssl.SSLContext | None] = {}
    upstreams = {}
    for name, api in configuration.apis.items():
        if api.upstream.ca is not None or any(target.startswith("https:") for target in api.upstream.targets):
            asked = _asked_of(name, api.upstream, files)
            # The system's authorities take 10 ms to load, and a thousand APIs may trust the same.
            if (context := made.get(asked)) is None:
                context = made[asked] = loader.load_upstream(("apis", name, "upstream"), api.upstream, asked)
            upstreams[name] = context
    return TlsContexts(_those_there_are(listeners), _those_there_are(upstreams), loader.errors, loader.live)


def _asked_of(name: str, upstream: UpstreamConfig, files: ConfigurationFiles) -> UpstreamTls:
    def placed(path: str | None) -> str | None:
        return None if path is None else str(files.path(path))

    tls = upstream.tls
    return UpstreamTls(
        # Whose keys are pinned is named in the log; others may share a context.
        service=f"the service of API {name}" if tls.pins else "",
        ca=placed(upstream.ca),
        verified=tls.unverified is None,
        pins=tuple(map(read_pin, tls.pins)),
        certificate=placed(tls.certificate),
        key=placed(tls.key),
        tls13=tls.min_version == "1.3",
        protocols=tuple(upstream.protocols),
    )


class _Loader:
    def __init__(self, loaded: LoadedConfiguration, files: ConfigurationFiles) -> None:
        self._loaded = loaded
        self._files = files
        self.errors: list[Diagnostic] = []
        self.live = LiveCertificates(files.read)

    def load_listener(
        self, section: tuple[str, ...], tls: TlsConfig, protocols: Sequence[str]
    ) -> ssl.SSLContext | None:
        """The context of a listener that speaks ``protocols``."""
        asked: ClientCertificates | None = None
        if tls.client_ca is not None:
            asked = self._client_certificates(section, tls, tls.client_ca)
            if asked is None:
                return None
        # Who hands over to another context has its clients verified by the authorities of that.
        make = partial(server_context, asked=asked, modern=tls.profile == "modern", protocols=protocols)
        names = ServerNames() if tls.certificates else None
        digest = self._digest(tls)
        first = self._load_shown(section, tls, make)
        if first is not None:
            place = CertificatePlace(first, names, first, _from_one_file(make))
            self.live.add(id_of(tls), digest, place)
        if first is not None and names is not None:
            self._add_names(section, tls, first, names, make)
        return first

    def _add_names(
        self,
        section: tuple[str, ...],
        tls: TlsConfig,
        first: ssl.SSLContext,
        names: ServerNames,
        make: Callable[..., ssl.SSLContext],
    ) -> None:
        """Let ``first``, with which every handshake begins, hand over to the context for the name that is asked for."""
        contexts: list[tuple[tuple[str | int, ...], CertificateFiles, ssl.SSLContext | None]] = [(section, tls, first)]
        for index, pair in enumerate(tls.certificates):
            place: tuple[str | int, ...] = (*section, "certificates", index)
            digest = self._digest(pair)
            context = self._load_shown(place, pair, make)
            contexts.append((place, pair, context))
            if context is not None:
                shown = CertificatePlace(first, names, context, _from_one_file(make))
                self.live.add(id_of(pair), digest, shown)
        for at, pair, context in contexts:
            if context is None:
                continue
            found, key = self._names_of(pair), "managed" if pair.managed else "certificate"
            if not found:
                message, hint = "the certificate is for no name", "names are its subject alternative names"
                self.errors.append(self._loaded.diagnostic((*at, key), message, hint))
            if taken := names.add(found, context):
                message = f"another certificate of this listener is for {taken[0]}, too"
                self.errors.append(self._loaded.diagnostic((*at, key), message, "remove one of them"))
        first.sni_callback = names.choose

    def _load_shown(
        self, place: tuple[str | int, ...], pair: CertificateFiles, make: Callable[..., ssl.SSLContext]
    ) -> ssl.SSLContext | None:
        certificate, key = map(str, map(self._files.path, self._paths(pair)))
        if pair.managed is None:
            named = {"certificate": pair.certificate or "", "key": pair.key or ""}
            return self.load(place, named, partial(make, certificate, key), _PAIR)
        try:
            return make(certificate, key)
        except OSError:
            return make(None, None)  # there is none yet: handshakes fail until there is

    def _paths(self, pair: CertificateFiles) -> tuple[str, str]:
        return files_of(self._loaded.configuration, pair)

    def _names_of(self, pair: CertificateFiles) -> list[str]:
        found = []
        if pair.managed is not None:
            found = list(self._loaded.configuration.certificates[pair.managed].names)
        with contextlib.suppress(OSError):
            found = names_of(self._files.read(self._paths(pair)[0])) or found
        return found

    def _digest(self, pair: CertificateFiles) -> str:
        """To be asked for before the files are loaded: what changes in between is then taken once more, not missed."""
        try:
            certificate, key = self._paths(pair)
            return digest_of(self._files.read(certificate), self._files.read(key))
        except OSError:
            return ""

    def load_upstream(
        self, section: tuple[str, ...], upstream: UpstreamConfig, asked: UpstreamTls
    ) -> ssl.SSLContext | None:
        """The context for connections to services of which ``asked`` is asked."""
        shown = {key: path for key in ("certificate", "key") if (path := getattr(upstream.tls, key)) is not None}
        if shown and self.load((*section, "tls"), shown, partial(_pair, asked), _PAIR) is None:
            return None
        named = {} if upstream.ca is None else {"ca": upstream.ca}
        return self.load(section, named, partial(upstream_context, asked), "a PEM file with certificates")

    def _client_certificates(
        self, section: tuple[str, ...], tls: TlsConfig, client_ca: str
    ) -> ClientCertificates | None:
        # What reads certificates takes a while to load, and few listeners ask for any.
        from portcullis.engine.authentication import authorities, live_revocation, revocation  # noqa: PLC0415

        fresh = tls.revocation
        named: dict[tuple[str | int, ...], str] = {("client_ca",): client_ca}
        named |= {("crl", index): path for index, path in enumerate(tls.crl)}
        named |= {
            ("revocation", "lists", index): place
            for index, place in enumerate(() if fresh is None else fresh.lists)
            if not is_list_url(place)
        }
        readable = [self._is_readable((*section, *key), path) for key, path in named.items()]
        if not all(readable):
            return None
        key: tuple[str | int, ...] = ("client_ca",)
        hint = "a PEM file with certificate authorities"
        lists, pems = [], []
        try:
            known = authorities.read_authorities(self._files.read(client_ca)).certificates
            for index, path in enumerate(tls.crl):
                key, hint = ("crl", index), "a list of one of the authorities that holds now"
                data = self._files.read(path)
                lists.append(revocation.read_list(data, known, time.time()))
                pems.append(revocation.as_pem(data))
            for key, path in named.items():
                if key[0] == "revocation":
                    hint = "a list of one of the authorities of client_ca that holds now, or a delta to one"
                    data = self._files.read(path)
                    # One that has run out is no mistake of the file: the next one is waited for.
                    with contextlib.suppress(revocation.OutdatedListError):
                        revocation.read_list(data, known, time.time(), deltas=True, by_authorities=True)
        except ValueError as error:
            message = f"{named[key]} can't be used: {error}"
            self.errors.append(self._loaded.diagnostic((*section, *key), message, hint))
            return None
        return ClientCertificates(
            str(self._files.path(client_ca)),
            tls.client_certificate == "require",
            pems,
            {each.subject.public_bytes() for each in known} <= {each.issuer for each in lists},
            revocation.Revocations(lists) if lists else None,
            None if fresh is None else live_revocation.LiveRevocation(fresh.on_unknown, asks=fresh.asks),
        )

    def load(
        self, section: tuple[str | int, ...], named: Mapping[str, str], make: Callable[[], ssl.SSLContext], hint: str
    ) -> ssl.SSLContext | None:
        """What ``make`` makes of the files at ``named`` (by the key that names each) of ``section``."""
        readable = [self._is_readable((*section, key), path) for key, path in named.items()]
        if not all(readable):
            return None
        try:
            return make()
        except OSError as error:  # ssl.SSLError is one
            reason = (error.reason or "not PEM") if isinstance(error, ssl.SSLError) else error.strerror or str(error)
            where = (*section, *named) if len(named) == 1 else section
            message = f"{' and '.join(named) or 'TLS'} can't be used: {reason.lower().replace('_', ' ')}"
            self.errors.append(self._loaded.diagnostic(where, message, hint))
        return None

    def _is_readable(self, where: tuple[str | int, ...], path: str) -> bool:
        try:
            self._files.read(path)
        except OSError as error:
            message = f"{path} can't be read: {error.strerror or error}"
            self.errors.append(self._loaded.diagnostic(where, message, "paths are relative to this file"))
            return False
        return True


def live_revocations(contexts: Mapping[str, ssl.SSLContext]) -> dict[str, LiveRevocation]:
    """What is revoked now, by the listeners among ``contexts`` that look at it."""
    asked = {name: context.asked for name, context in contexts.items() if isinstance(context, ListenerContext)}
    return {name: each.live for name, each in asked.items() if each is not None and each.live is not None}


def ask_by(contexts: Mapping[str, ssl.SSLContext], questions: Questions) -> bool:
    """Have the listeners among ``contexts`` ask by ``questions`` about certificates; whether there are such."""
    found = False
    for name, context in contexts.items():
        asked = context.asked if isinstance(context, ListenerContext) else None
        if asked is not None and asked.live is not None and asked.live.asks:
            asked.inquiry = CertificateInquiry(name, asked.live, questions)
            found = True
    return found


def _from_one_file(make: Callable[..., ssl.SSLContext]) -> Callable[[str], ssl.SSLContext]:
    return lambda path: make(path, path)


def _unreadable(path: str) -> bytes:
    raise FileNotFoundError(path)


def names_of(pem: bytes) -> list[str]:
    """The host names that the first certificate of a PEM file is for; none where it can't be read."""
    # Few listeners have several certificates, and what reads them takes a while to load.
    from cryptography import x509  # noqa: PLC0415

    try:
        certificate = x509.load_pem_x509_certificate(pem)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return []
    return names.get_values_for_type(x509.DNSName)


def _pair(asked: UpstreamTls) -> ssl.SSLContext:
    """Certificate and key alone: what is wrong with them is told at their keys."""
    return upstream_context(msgspec.structs.replace(asked, ca=None, verified=False))


def _those_there_are(contexts: Mapping[str, ssl.SSLContext | None]) -> dict[str, ssl.SSLContext]:
    return {name: context for name, context in contexts.items() if context is not None}
