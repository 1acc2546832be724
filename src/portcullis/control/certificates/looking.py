"""Looking at the files of certificates: what is in them, and what is wrong with it."""

from __future__ import annotations

import ssl
import stat
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

import msgspec
from cryptography import x509

from portcullis.control.certificates.inventory import ConfiguredCertificate
from portcullis.control.certificates.revocation_findings import KeptFindings
from portcullis.engine.certificates.judging import Problem, alert_days, problems_of
from portcullis.engine.certificates.messages import CertificateId, CurrentCertificate, digest_of
from portcullis.engine.certificates.reading import CertificateFacts, UnreadableError, facts_of, read_chain
from portcullis.engine.certificates.revocation import Finding, problem_of
from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.config.load import LoadedConfiguration
from portcullis.stores.files import ConfigurationFiles

_UNUSABLE: Final = frozenset({"unreadable", "key_mismatch", "not_issued"})


class CertificateStatus(msgspec.Struct, frozen=True):
    """What was found of one certificate at some moment.

    ``facts``: of the certificate itself, ``chain``: of what follows it in the file; ``alert``: the days of
    :data:`~portcullis.engine.certificates.judging.ALERT_DAYS` that it has come to; ``digest``: of the files;
    ``revocation``: what its authority has said, ``None`` where it was not asked yet.
    """

    id: CertificateId
    certificate: str
    key: str
    used_by: tuple[str, ...]
    days_left: float
    facts: CertificateFacts | None
    chain: list[CertificateFacts]
    problems: list[Problem]
    alert: int | None = None
    digest: str = ""
    revocation: Finding | None = None

    @property
    def name(self) -> str:
        """What it is called in logs and metrics."""
        return self.id.name

    @property
    def usable(self) -> bool:
        """Whether a listener can show it."""
        return self.facts is not None and not any(each.kind in _UNUSABLE for each in self.problems)

    def current(self) -> CurrentCertificate:
        """What workers are told of it."""
        names = [] if self.facts is None else self.facts.names
        return CurrentCertificate(self.id, self.certificate, self.key, self.digest, names)


def look_at(
    configured: ConfiguredCertificate,
    files: ConfigurationFiles,
    now: float,
    findings: Mapping[str, Finding] | None = None,
) -> CertificateStatus:
    """Read the files of ``configured`` and judge them at ``now`` (Unix seconds).

    ``findings``: what is known of revocations, by fingerprint.
    """
    digest = ""
    try:
        pem, key = files.read(configured.certificate), files.read(configured.key)
        digest = digest_of(pem, key)
        chain = read_chain(pem)
        facts = [facts_of(each) for each in chain]
        problems = list(problems_of(chain, key, now, hosts=configured.hosts, is_root=_is_known))
    except UnreadableError as error:
        return _unreadable(configured, str(error), digest)
    except FileNotFoundError as error:
        if configured.id.managed:
            return _unusable(configured, Problem("not_issued", "there is none yet"), digest)
        return _unreadable(configured, f"{error.filename or 'a file'} can't be read: {error.strerror or error}", digest)
    except OSError as error:
        return _unreadable(configured, f"{error.filename or 'a file'} can't be read: {error.strerror or error}", digest)
    problems += _permissions(configured.key, files)
    own = facts[0]
    revocation = (findings or {}).get(own.fingerprint)
    if (revoked := problem_of(revocation)) is not None:
        problems.insert(0, revoked)
    left, alert = own.days_left(now), alert_days(own, now)
    return CertificateStatus(
        configured.id,
        configured.certificate,
        configured.key,
        configured.used_by,
        left,
        own,
        facts[1:],
        problems,
        alert,
        digest,
        revocation,
    )


def certificate_warnings(
    loaded: LoadedConfiguration, configured: list[ConfiguredCertificate], files: ConfigurationFiles, now: float
) -> Iterator[Diagnostic]:
    """What ``check`` says of certificates at the place where each is named.

    Those that can't be loaded are errors already where somebody shows them; authorities of one's own nobody loads.
    """
    findings = KeptFindings(files.path(loaded.configuration.state.directory)).latest()
    for each in configured:
        status = look_at(each, files, now, findings)
        for problem in status.problems if status.usable or each.signs else ():
            which = problem.kind == "file_permissions"
            file, key = (each.certificate, each.key)[which], each.keys[which]
            place = loaded.diagnostic((*each.at, key), f"{file}: {problem.text}", HINTS[problem.kind])
            yield msgspec.structs.replace(place, severity="warning")


HINTS: Final = {
    "expired": "renew it: clients refuse it",
    "not_yet_valid": "clients refuse it until then; is the clock right?",
    "expires_soon": "renew it; new files are taken up while the gateway serves",
    "wrong_name": "one for the hosts of the APIs",
    "weak_key": "RSA with 2048 bits or more, or EC with 256",
    "weak_signature": "have it signed over SHA-256",
    "incomplete_chain": "the certificate first, then each authority that signed the one before it, without the root",
    "key_mismatch": "the key that the certificate was made for",
    "file_permissions": "chmod 600",
    "revoked": "get another one, with a new key; managed ones are renewed by themselves",
    "not_issued": "the log says what became of the last attempt",
    "unreadable": "two PEM files: the certificate with its chain, and its unencrypted key",
}
"""What would be right, by the kind of a problem."""


def _unreadable(configured: ConfiguredCertificate, why: str, digest: str) -> CertificateStatus:
    return _unusable(configured, Problem("unreadable", why, grave=True), digest)


def _unusable(configured: ConfiguredCertificate, problem: Problem, digest: str) -> CertificateStatus:
    return CertificateStatus(
        configured.id,
        configured.certificate,
        configured.key,
        configured.used_by,
        0.0,
        None,
        [],
        [problem],
        digest=digest,
    )


def _permissions(key: str, files: ConfigurationFiles) -> Iterator[Problem]:
    """A group may read a key (``ssl-cert`` does), nobody else, and only its owner may write it."""
    try:
        mode = stat.S_IMODE(files.path(key).stat().st_mode)
    except OSError:
        return
    if mode & 0o027:
        yield Problem("file_permissions", f"others can read or write the private key (mode {mode:04o})")


def _is_known(name: x509.Name) -> bool:
    return name.public_bytes() in _roots()


@cache
def _roots() -> frozenset[bytes]:
    """The subjects of the system's authorities."""
    context = ssl.create_default_context()
    return frozenset(
        x509.load_der_x509_certificate(der).subject.public_bytes() for der in context.get_ca_certs(binary_form=True)
    )
