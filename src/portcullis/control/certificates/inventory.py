"""Which certificates a configuration has the gateway show others, and where."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from portcullis.engine.certificates.messages import CertificateId
from portcullis.engine.config.listeners import CertificateFiles
from portcullis.engine.config.model import Configuration

Path = tuple[str | int, ...]
MANAGED: Final = "certificates"
"""The folder of managed certificates, in the state directory."""


class ShownCertificate(msgspec.Struct, frozen=True):
    """A certificate, by its ``id``, at the first of the places in the file (``at``) where it is named.

    ``certificate`` and ``key``: paths of its files, which are one where it is managed; ``used_by``: in words;
    ``hosts``: what APIs answer to, where clients look at its name; none where services do.
    """

    id: CertificateId
    certificate: str
    key: str
    at: Path
    used_by: tuple[str, ...]
    hosts: tuple[str, ...] = ()


def shown_certificates(configuration: Configuration) -> list[ShownCertificate]:
    """All of them, each once."""
    found: dict[CertificateId, ShownCertificate] = {}
    for each in _named(configuration):
        before = found.get(each.id)
        if before is None:
            found[each.id] = each
        else:
            used_by = tuple(dict.fromkeys((*before.used_by, *each.used_by)))
            found[each.id] = msgspec.structs.replace(before, used_by=used_by, hosts=before.hosts or each.hosts)
    return list(found.values())


class WatchedCertificate(msgspec.Struct, frozen=True):
    """A certificate that may come to be revoked: ``name``: in logs; ``certificate``: the path of its PEM file."""

    name: str
    certificate: str


def watched_certificates(configuration: Configuration) -> list[WatchedCertificate]:
    """Those that the gateway shows, and managed ones that it only delivers to services."""
    found = {each.certificate: each.id.managed or each.id.certificate for each in shown_certificates(configuration)}
    for name, each in configuration.certificates.items():
        if each.folder is not None:
            found.setdefault(managed_path(configuration, name), name)
    return [WatchedCertificate(name, path) for path, name in found.items()]


def managed_path(configuration: Configuration, name: str) -> str:
    """The file of the managed certificate ``name``, with its key; relative to the configuration file."""
    return f"{configuration.state.directory}/{MANAGED}/{name}.pem"


def id_of(pair: CertificateFiles) -> CertificateId:
    """What a certificate of a listener is called."""
    return (
        CertificateId(managed=pair.managed) if pair.managed else CertificateId(pair.certificate or "", pair.key or "")
    )


def files_of(configuration: Configuration, pair: CertificateFiles) -> tuple[str, str]:
    """The paths of certificate and key, relative to the configuration file."""
    if pair.managed is not None:
        path = managed_path(configuration, pair.managed)
        return path, path
    return pair.certificate or "", pair.key or ""


def _named(configuration: Configuration) -> Iterator[ShownCertificate]:
    hosts = tuple(sorted({host for api in configuration.apis.values() for host in api.hosts}))
    for name, listener in configuration.listeners.items():
        if listener.tls is None:
            continue
        user = (f"listener {name}",)
        # Health and metrics are asked for by any name.
        served = () if name == "admin" else hosts
        at: Path = ("listeners", name, "tls")
        pairs: list[tuple[Path, CertificateFiles]] = [(at, listener.tls)]
        pairs += [((*at, "certificates", index), pair) for index, pair in enumerate(listener.tls.certificates)]
        for place, pair in pairs:
            yield ShownCertificate(id_of(pair), *files_of(configuration, pair), place, user, served)
    for name, api in configuration.apis.items():
        own = api.upstream.tls
        if own.certificate is not None and own.key is not None:
            at = ("apis", name, "upstream", "tls")
            shown = CertificateId(own.certificate, own.key)
            yield ShownCertificate(shown, own.certificate, own.key, at, (f"upstream of {name}",))
