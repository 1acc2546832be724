"""Certificates that were got elsewhere, taken over into what the gateway looks after."""

from __future__ import annotations

from pathlib import Path

from portcullis.control.certificates.inventory import managed_path
from portcullis.engine.certificates.judging import problems_of
from portcullis.engine.certificates.reading import (
    CertificateFacts,
    UnreadableError,
    facts_of,
    key_belongs_to,
    read_chain,
)
from portcullis.engine.config.model import Configuration
from portcullis.stores.files import ConfigurationFiles
from portcullis.stores.private_files import write_private


class ImportRefused(Exception):  # noqa: N818 - a fact about what was to be imported
    """It can't be used. The message says why."""


def import_certificate(
    configuration: Configuration, files: ConfigurationFiles, name: str, certificate: Path, key: Path, now: float
) -> CertificateFacts:
    """Take ``certificate`` (with its chain) and ``key`` over as ``name`` of the ``configuration``.

    Raises :class:`ImportRefused`, and ``OSError`` where it can't be kept.
    """
    config = configuration.certificates.get(name)
    if config is None:
        known = ", ".join(configuration.certificates) or "none"
        raise ImportRefused(f"the file has no such certificate; it has: {known}")
    if config.authorities:
        raise ImportRefused(f"it is got from {config.authorities[0]}: remove its authorities to import it")
    try:
        chain_pem, key_pem = certificate.read_bytes(), key.read_bytes()
    except OSError as error:
        raise ImportRefused(f"{error.filename}: {error.strerror}") from None
    try:
        chain = read_chain(chain_pem)
        facts = facts_of(chain[0])
        if not key_belongs_to(chain[0], key_pem):
            raise ImportRefused(f"{key} is not its key")
        wrong = [problem.text for problem in problems_of(chain, key_pem, now) if problem.grave]
    except UnreadableError as error:
        raise ImportRefused(f"{certificate}, {key}: {error}") from None
    missing = sorted({*config.names, *filter(None, [config.spiffe_id])} - set(facts.names))
    if missing:
        wrong.append(f"it is not for {', '.join(missing)}")
    if wrong:
        raise ImportRefused("; ".join(wrong))
    write_private(files.path(managed_path(configuration, name)), key_pem.rstrip() + b"\n" + chain_pem)
    return facts
