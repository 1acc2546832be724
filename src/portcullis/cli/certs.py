"""``portcullis certs``: the certificates of the configuration, what is wrong with them, and what others show."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

from portcullis.cli.authority import app as authority
from portcullis.cli.authority import issue
from portcullis.cli.output import Format, lines_on, print_json

if TYPE_CHECKING:
    from portcullis.control.certificates.hosts import HostReport
    from portcullis.control.certificates.looking import CertificateStatus
    from portcullis.control.certificates.orders import Renewed
    from portcullis.engine.certificates.judging import Problem
    from portcullis.engine.certificates.reading import CertificateFacts
    from portcullis.engine.certificates.revocation import Finding

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Look at certificates, import, renew and revoke them; look at what a host shows; print pins.",
)

app.add_typer(authority, name="authority")
app.command()(issue)
_USUAL_FILE: Final = Path("portcullis.yaml")

File = Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="The configuration file.")]
Output = Annotated[Format, typer.Option("--format", help="How to print.")]
Authorities = Annotated[
    Path | None, typer.Option("--ca", metavar="PEM", help="The authorities to trust; default: the system's.")
]
AskedName = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="The name to ask for and to verify; default: the host.")
]


@app.command()
def status(config: File = _USUAL_FILE, output: Output = Format.TEXT) -> None:
    """Every certificate of the file: days left, names, chain, key, who uses it, and what is wrong.

    Exits with 0 if nothing is wrong, 1 if something is, 2 if the configuration can't be used.
    """
    from portcullis.cli.loading import guarded, read_configuration
    from portcullis.control.certificates.inventory import configured_certificates
    from portcullis.control.certificates.looking import look_at
    from portcullis.control.certificates.revocation_findings import KeptFindings
    from portcullis.stores.files import ConfigurationFiles

    with guarded(config):
        loaded = read_configuration(config)
    files, now = ConfigurationFiles(config), time.time()
    findings = KeptFindings(files.path(loaded.configuration.state.directory)).latest()
    found = [look_at(each, files, now, findings) for each in configured_certificates(loaded.configuration)]
    if output is Format.JSON:
        print_json([_data(each) for each in found])
    else:
        _print_statuses(found, Console(highlight=False))
    raise typer.Exit(1 if any(each.problems for each in found) else 0)


@app.command()
def check(
    host: Annotated[str, typer.Argument(metavar="HOST[:PORT]", help="Where to connect; port 443 if none is given.")],
    ca: Authorities = None,
    name: AskedName = None,
    output: Output = Format.TEXT,
) -> None:
    """What a host shows: version and cipher, certificate and chain, and whether it is trusted.

    Exits with 0 if it is trusted and nothing is wrong, 1 if not, 2 if it can't be asked.
    """
    report = _ask(host, ca, name)
    if output is Format.JSON:
        print_json(report)
    else:
        _print_report(report, Console(highlight=False))
    raise typer.Exit(0 if report.trusted and not report.problems else 1)


@app.command()
def pin(
    source: Annotated[str, typer.Argument(metavar="FILE|HOST[:PORT]", help="A PEM file, or a host to ask.")],
    name: AskedName = None,
    output: Output = Format.TEXT,
) -> None:
    """The pins of a certificate and its chain, for `upstream.tls.pins`: digests of their public keys.

    A host is asked without verification: compare what it shows with what its operator says.
    """
    chain = _chain_of(source, name)
    if output is Format.JSON:
        print_json([{"pin": each.pin, "subject": each.subject, "not_after": _day(each.not_after)} for each in chain])
        return
    for each in chain:
        typer.echo(f"{each.pin}  {each.subject or ', '.join(each.names)}")


@app.command()
def renew(
    name: Annotated[str, typer.Argument(metavar="NAME", help="One of `certificates` of the file.")],
    config: File = _USUAL_FILE,
    output: Output = Format.TEXT,
) -> None:
    """Have a running gateway get a new certificate now, whatever the age of the one that is there."""
    _print_renewed(_asked_of_gateway(config, name, "renew"), output)


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="One of `certificates` of the file.")],
    reason: Annotated[str, typer.Option(help="As the authority is told it: keyCompromise, superseded ...")] = (
        "unspecified"
    ),
    config: File = _USUAL_FILE,
    output: Output = Format.TEXT,
) -> None:
    """Have a running gateway revoke a certificate with its authority, and get a new one, with a new key."""
    from portcullis.control.certificates.orders import REASONS

    if reason not in REASONS:
        typer.echo(f"portcullis: there is no reason {reason!r}; it is one of {', '.join(REASONS)}", err=True)
        raise typer.Exit(2)
    _print_renewed(_asked_of_gateway(config, name, "revoke", reason), output)


@app.command("import")
def import_(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="One of `certificates` of the file, without authorities.")
    ],
    certificate: Annotated[Path, typer.Option(metavar="PEM", help="The certificate, and its chain after it.")],
    key: Annotated[Path, typer.Option(metavar="PEM", help="Its private key, not encrypted.")],
    config: File = _USUAL_FILE,
) -> None:
    """Take over a certificate that was got elsewhere: looked at, then shown by a running gateway within seconds.

    Exits with 0 if it was taken, 1 if it can't be used, 2 if the configuration can't be.
    """
    from portcullis.cli.loading import guarded, read_configuration
    from portcullis.control.certificates.importing import ImportRefused, import_certificate
    from portcullis.stores.files import ConfigurationFiles

    with guarded(config):
        configuration = read_configuration(config).configuration
    try:
        facts = import_certificate(configuration, ConfigurationFiles(config), name, certificate, key, time.time())
    except ImportRefused as error:
        told = str(error)
    except OSError as error:
        told = f"it can't be kept: {error.filename}: {error.strerror}"
    else:
        typer.echo(f"certificate {name}: {facts.serial}, for {', '.join(facts.names)}, ends {_day(facts.not_after)}")
        return
    typer.echo(f"portcullis: certificate {name}: {told}", err=True)
    raise typer.Exit(1)


def _asked_of_gateway(config: Path, name: str, what: str, reason: str = "") -> Renewed:
    from portcullis.control.certificates.client import ask_gateway
    from portcullis.control.certificates.orders import InvalidCertificateOrder
    from portcullis.control.control_client import NoControlProcess
    from portcullis.control.gateway_access import UnusableFile
    from portcullis.control.service_errors import ServiceError

    try:
        return ask_gateway(config, name, what, reason)
    except NoControlProcess:
        told, code = "the gateway does not run: it gets and revokes certificates itself", 2
    except (UnusableFile, InvalidCertificateOrder, OSError) as error:
        told, code = str(error), 2
    except ServiceError as error:
        told, code = f"certificate {name}: {error.detail}", 1
    typer.echo(f"portcullis: {told}", err=True)
    raise typer.Exit(code)


def _print_renewed(renewed: Renewed, output: Format) -> None:
    if output is Format.JSON:
        print_json(renewed)
    else:
        typer.echo(f"certificate {renewed.name}: {renewed.serial}, ends {_day(renewed.not_after)}")


def _chain_of(source: str, name: str | None) -> Sequence[CertificateFacts]:
    from portcullis.engine.certificates.reading import UnreadableError, facts_of, read_chain
    from portcullis.stores.files import ConfigurationFiles

    path = Path(source)
    if not path.exists() and "/" not in source:
        return _ask(source, None, name).chain
    try:
        return [facts_of(each) for each in read_chain(ConfigurationFiles(path).read(path.name))]
    except OSError as error:
        reason = error.strerror or str(error)
    except UnreadableError as error:
        reason = str(error)
    typer.echo(f"portcullis: {source}: {reason}", err=True)
    raise typer.Exit(2)


def _ask(text: str, ca: Path | None, name: str | None) -> HostReport:
    from portcullis.control.certificates.hosts import HostError, check_host, split_host

    try:
        host, port = split_host(text)
        return check_host(host, port, time.time(), ca, name)
    except (HostError, ValueError) as error:
        typer.echo(f"portcullis: {error}", err=True)
        raise typer.Exit(2) from None


def _data(status: CertificateStatus) -> dict[str, object]:
    return {
        "certificate": status.name,
        "used_by": status.used_by,
        "days_left": None if status.facts is None else round(status.days_left, 2),
        "facts": status.facts,
        "chain": [each.subject for each in status.chain],
        "revocation": status.revocation,
        "problems": status.problems,
    }


def _print_statuses(found: Sequence[CertificateStatus], console: Console) -> None:
    line = lines_on(console)
    if not found:
        line("the file names no certificate")
    for status in found:
        line((status.name, "bold"), f"  {', '.join(status.used_by)}")
        if status.facts is not None:
            _print_facts(status.facts, status.days_left, console)
            line("  chain   ", " <- ".join(each.subject for each in status.chain) or "the certificate alone")
            line("  revoked ", _revocation(status.revocation))
        _print_problems(status.problems, console)
        line()


def _revocation(finding: Finding | None) -> str:
    if finding is None:
        return "not asked yet"
    if finding.status == "unknown":
        return f"not known: {finding.why} (asked {_day(finding.asked_at)})"
    said = "yes" if finding.status == "revoked" else "no"
    return f"{said}, said {finding.source} at {_day(finding.answered_at or finding.asked_at)}"


def _print_report(report: HostReport, console: Console) -> None:
    line = lines_on(console)
    line((f"{report.host}:{report.port}", "bold"), f"  {report.version}, {report.cipher}")
    now = time.time()
    _print_facts(report.chain[0], report.chain[0].days_left(now), console)
    line("  chain   ", " <- ".join(each.subject for each in report.chain[1:]) or "the certificate alone")
    line("  pin     ", report.chain[0].pin)
    line("  trusted ", ("yes", "green") if report.trusted else (f"no: {report.why_not}", "bold red"))
    _print_problems(report.problems, console)


def _print_facts(facts: CertificateFacts, days_left: float, console: Console) -> None:
    from portcullis.engine.certificates.judging import in_days

    line = lines_on(console)
    left = f"in {in_days(days_left)}" if days_left > 0 else f"{in_days(-days_left)} ago"
    line("  names   ", ", ".join(facts.names) or "none")
    line("  ends    ", f"{_day(facts.not_after)}, {left}")
    line("  key     ", f"{facts.key}, signed over {facts.signature}")
    line("  issuer  ", facts.issuer)


def _print_problems(problems: Sequence[Problem], console: Console) -> None:
    from portcullis.control.certificates.looking import HINTS

    line = lines_on(console)
    for problem in problems:
        style = "bold red" if problem.grave else "bold yellow"
        line("  ", (problem.kind.replace("_", " "), style), f": {problem.text} ({HINTS[problem.kind]})")


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"
