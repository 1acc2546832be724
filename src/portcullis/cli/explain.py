"""``portcullis explain``: what the gateway would do with a request, and why."""

from __future__ import annotations

import ipaddress
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final

import msgspec
import typer
from rich.console import Console

from portcullis.cli.output import Format, lines_on, print_json

if TYPE_CHECKING:
    from portcullis.control.explain import ExplainedStep, Explanation
    from portcullis.engine.peer_certificate import PeerCertificate
    from portcullis.engine.request import RequestView

MAX_BODY: Final = 64 * 1024 * 1024
_CALL = re.compile(r"([!#$%&'*+.^_`|~0-9A-Z-]+) (\S+)")
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_STYLES: Final = {
    "allow": "green",
    "refuse": "bold red",
    "would_refuse": "bold yellow",
    "error": "bold red",
    "not reached": "dim",
    "later": "dim",
}


def explain(
    call: Annotated[str | None, typer.Argument(metavar="[CALL]", help="The request line: 'GET /path?query'.")] = None,
    config: Annotated[Path, typer.Option("--config", "-c", help="The configuration file.")] = Path("portcullis.yaml"),
    headers: Annotated[
        list[str] | None, typer.Option("--header", "-H", metavar="'Name: value'", help="A header field; repeatable.")
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", "-d", help="The body; @FILE reads it from a file, @- from standard input.")
    ] = None,
    client: Annotated[str, typer.Option(help="The client's address.")] = "127.0.0.1",
    certificate: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The client's certificate with its chain (PEM), as if a handshake took it."),
    ] = None,
    who_can: Annotated[
        str | None,
        typer.Option("--who-can", metavar="CALL", help="Say who may call an operation: 'DELETE /v1/orders/{id}'."),
    ] = None,
    what_can: Annotated[
        str | None, typer.Option("--what-can", metavar="NAME", help="Say what a consumer or a role may call.")
    ] = None,
    output: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.TEXT,
) -> None:
    """Walk a request through the phases, offline: each step's verdict, the rule that decided, and where it is written.

    Without a Host field the request is taken to be for a host of the file that serves it. Keys are those in the
    database now, limits are counted from nothing, and no secret is printed. With --who-can or --what-can no request is
    walked: told is who may call an operation, or what somebody may call. Exits with 0 if the request would be allowed
    (or somebody may call), 1 if it would be refused (or nobody may), 2 if the configuration can't be used.
    """
    if [call, who_can, what_can].count(None) != 2:
        raise typer.BadParameter("give a request, or --who-can, or --what-can", param_hint="CALL")
    if who_can is not None or what_can is not None:
        from portcullis.cli.access import tell_what_can, tell_who_can

        somebody = tell_who_can(who_can, config, output) if who_can else tell_what_can(what_can or "", config, output)
        raise typer.Exit(0 if somebody else 1)
    request = make_request(call or "", headers or [], data, client)
    if certificate is not None:
        request.certificate = read_certificate(certificate)
    explanation = _explained(request, config)
    if output is Format.JSON:
        print_json(explanation)
    else:
        print_explanation(explanation, Console(highlight=False))
    raise typer.Exit(0 if explanation.decision == "allow" else 1)


def _explained(request: RequestView, config: Path) -> Explanation:
    from portcullis.cli.loading import guarded, keys_from, read_configuration
    from portcullis.control.explain import Explainer, offline_keys
    from portcullis.stores.clock import SystemClock
    from portcullis.stores.files import ConfigurationFiles

    with guarded(config):
        loaded = read_configuration(config)
        keys = keys_from(offline_keys, loaded, config)
        return Explainer(loaded, config, ConfigurationFiles(config), SystemClock(), keys).explain(request)


def make_request(call: str, headers: list[str], data: str | None, client: str) -> RequestView:
    """The request that the options describe. Raises :class:`typer.BadParameter`, which quotes none of them."""
    from portcullis.engine.request import RequestView

    line = _CALL.fullmatch(call)
    if line is None or not line[2].startswith(("/", "http://", "https://")):
        raise typer.BadParameter("write it as 'GET /path?query', the method in capitals", param_hint="CALL")
    fields: list[tuple[bytes, bytes]] = []
    joined: dict[bytes, bytes] = {}
    for header in headers:
        field = _FIELD.fullmatch(header)
        if field is None:
            raise typer.BadParameter("write a header field as 'Name: value', on one line", param_hint="--header")
        name, value = field[1].lower().encode(), field[2].rstrip(" \t").encode(errors="surrogateescape")
        fields.append((name, value))
        joined[name] = joined[name] + b", " + value if name in joined else value
    body = _body(data)
    request = RequestView(line[1], line[2], fields, joined, client=_address(client), has_body=bool(body))
    request.body = body
    return request


def read_certificate(path: Path) -> PeerCertificate:
    """The first certificate in a PEM file, with all of them as its chain. Raises :class:`typer.BadParameter`."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from portcullis.engine.peer_certificate import PeerCertificate

    try:
        with path.open("rb") as file:
            found = x509.load_pem_x509_certificates(_read(file))
    except OSError as error:
        message = f"{path} can't be read: {error.strerror}"
        raise typer.BadParameter(message, param_hint="--certificate") from error
    except ValueError as error:
        raise typer.BadParameter(f"{path} has no certificate in PEM", param_hint="--certificate") from error
    chain = [each.public_bytes(Encoding.DER) for each in found]
    return PeerCertificate(chain[0], lambda: chain)


def _address(client: str) -> str:
    try:
        return str(ipaddress.ip_address(client))
    except ValueError:
        raise typer.BadParameter("an IP address, such as 192.0.2.7 or 2001:db8::7", param_hint="--client") from None


def _body(data: str | None) -> bytes:
    if data is None or not data.startswith("@"):
        return (data or "").encode(errors="surrogateescape")
    if data == "@-":
        return _read(sys.stdin.buffer)
    try:
        with Path(data[1:]).open("rb") as file:
            return _read(file)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not the name of a file"
        raise typer.BadParameter(f"{data[1:]} can't be read: {reason}", param_hint="--data") from error


def _read(file: BinaryIO) -> bytes:
    body = file.read(MAX_BODY + 1)
    if len(body) > MAX_BODY:
        raise typer.BadParameter(f"the body has more than {MAX_BODY // 1024**2} MiB", param_hint="--data")
    return body


def print_explanation(explanation: Explanation, console: Console) -> None:
    """The request, a line for each step with what it has to say below, and what comes of it."""
    line = lines_on(console)
    line((explanation.request, "bold"), f" for {explanation.host}" if explanation.host else "")
    if explanation.operation:
        version = f" of {explanation.api} {explanation.version}, "
        line("is ", (explanation.operation, "bold"), version, (explanation.declared, "cyan"))
    if explanation.consumer:
        proof = f", key {explanation.credential}" if explanation.credential else ""
        line("by ", (explanation.consumer, "bold"), proof)
    line()
    width = max((len(step.policy) for step in explanation.steps), default=0)
    for step in explanation.steps:
        outcome = step.outcome.replace("_", " ")
        line("  ", (f"{outcome:<13}", _STYLES[step.outcome]), f"{step.policy:<{width}}  ", (step.where, "cyan"))
        for reason in reasons(step):
            line(" " * 15, reason)
    line()
    if explanation.decision == "allow":
        later = [step.policy for step in explanation.steps if step.outcome == "later"]
        unless = f", and {' and '.join(later)} would decide by what the service says" if later else ""
        line(("allowed", "bold green"), f": would be sent to {explanation.upstream}{unless}")
    else:
        _print_refusal(explanation, line)


def _print_refusal(explanation: Explanation, line: Callable[..., None]) -> None:
    from portcullis.engine.grpc.statuses import NAMES

    status = explanation.grpc_status
    said, answer = str(explanation.status), msgspec.json.encode(explanation.answer).decode()
    if status:
        said, answer = f"grpc-status {status} {NAMES[status]}", f"HTTP {explanation.status} without a body"
    line(("refused", "bold red"), f": {said} {explanation.code}")
    line("the client would get ", (answer, "dim"))
    for name, value in explanation.fields.items():
        line(f"  with {name}: {value}")


def reasons(step: ExplainedStep) -> list[str]:
    """Why a step objects, in lines: its code, what the caller is told, what was found and what would be right."""
    if not step.code:
        return []
    lines = [f"{step.code}: {step.detail}" if step.detail else step.code]
    if (finding := step.finding) is not None:
        words = (("at", finding.pointer), ("found", finding.found), ("allowed", finding.allowed))
        if told := ", ".join(f"{word} {what}" for word, what in words if what):
            lines.append(told)
    if step.rule:
        lines.append(f"by {step.rule}")
    return lines
