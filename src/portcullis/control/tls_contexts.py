"""The TLS contexts of a gateway, made from the certificates and keys that its configuration names."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

import msgspec

from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.config.load import LoadedConfiguration
from portcullis.engine.config.model import TlsConfig
from portcullis.mounts.client_certificates import ClientCertificates
from portcullis.mounts.tls import client_context, server_context
from portcullis.stores.files import ConfigurationFiles

_PAIR: Final = "two PEM files that belong together: the certificate with its chain, and its unencrypted key"


class TlsContexts(msgspec.Struct, frozen=True, eq=False):
    """What could be loaded, and what is wrong with the rest.

    ``listeners``: for each listener with TLS, by its name; ``upstreams``: for each API with an https target.
    """

    listeners: Mapping[str, ssl.SSLContext]
    upstreams: Mapping[str, ssl.SSLContext]
    errors: Sequence[Diagnostic]


def load_contexts(loaded: LoadedConfiguration, files: ConfigurationFiles) -> TlsContexts:
    """Load all of them. To be done before workers are forked, who then share the keys of session tickets."""
    loader = _Loader(loaded, files)
    configuration = loaded.configuration
    listeners = {
        name: loader.load_listener(("listeners", name, "tls"), tls)
        for name, listener in configuration.listeners.items()
        if (tls := listener.tls) is not None
    }
    by_authority: dict[str | None, ssl.SSLContext | None] = {}
    upstreams = {}
    for name, api in configuration.apis.items():
        ca = api.upstream.ca
        if ca is None and not any(target.startswith("https:") for target in api.upstream.targets):
            continue
        # The system's authorities take 10 ms to load, and a thousand APIs may trust the same.
        if (context := by_authority.get(ca)) is None:
            named = {"ca": ca} if ca is not None else {}
            make = partial(client_context, None if ca is None else str(files.path(ca)))
            context = loader.load(("apis", name, "upstream"), named, make, "a PEM file with certificates")
        upstreams[name] = by_authority[ca] = context
    return TlsContexts(_those_there_are(listeners), _those_there_are(upstreams), loader.errors)


class _Loader:
    def __init__(self, loaded: LoadedConfiguration, files: ConfigurationFiles) -> None:
        self._loaded = loaded
        self._files = files
        self.errors: list[Diagnostic] = []

    def load_listener(self, section: tuple[str, ...], tls: TlsConfig) -> ssl.SSLContext | None:
        """The context of a listener."""
        path = self._files.path
        named = {"certificate": tls.certificate, "key": tls.key}
        make = partial(server_context, str(path(tls.certificate)), str(path(tls.key)))
        if tls.client_ca is None:
            return self.load(section, named, make, _PAIR)
        asked = self._client_certificates(section, tls, tls.client_ca)
        return None if asked is None else self.load(section, named, partial(make, asked), _PAIR)

    def _client_certificates(
        self, section: tuple[str, ...], tls: TlsConfig, client_ca: str
    ) -> ClientCertificates | None:
        # What reads certificates takes a while to load, and few listeners ask for any.
        from portcullis.engine.authentication import authorities, revocation  # noqa: PLC0415

        named: dict[tuple[str | int, ...], str] = {("client_ca",): client_ca}
        named |= {("crl", index): path for index, path in enumerate(tls.crl)}
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
        )

    def load(
        self, section: tuple[str, ...], named: Mapping[str, str], make: Callable[[], ssl.SSLContext], hint: str
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


def _those_there_are(contexts: Mapping[str, ssl.SSLContext | None]) -> dict[str, ssl.SSLContext]:
    return {name: context for name, context in contexts.items() if context is not None}
