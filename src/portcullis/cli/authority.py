"""``portcullis certs authority``: an authority of your own, whose root stays offline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Make an authority of your own, and renew it.",
)

_ROOT_DAYS: Final = 3650
_DAYS: Final = 365

Root = Annotated[
    Path, typer.Option(metavar="FOLDER", help="Where the root is, or is to be: take it offline afterwards.")
]
Out = Annotated[Path, typer.Option(metavar="FOLDER", help="Where the gateway finds what it issues with.")]
Domains = Annotated[
    list[str], typer.Option("--domain", metavar="NAME", help="It may issue below these names only; repeatable.")
]
Days = Annotated[int, typer.Option(help="How long what is made holds.", min=1, max=7300)]


@app.command()
def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called.")],
    root: Root,
    out: Out,
    domain: Domains = [],  # noqa: B006 - as Typer wants it
    days: Days = _DAYS,
    root_days: Days = _ROOT_DAYS,
) -> None:
    """Make a root, and an authority below it that issues. Keys are files that only you can read (0600).

    FOLDER of --root gets root.pem and root.key. FOLDER of --out gets NAME.pem and NAME.key, NAME.crl and root.crl
    (what is revoked), NAME-clients.pem (for `client_ca`) and root.pem (for those who trust it).
    """
    from portcullis.control.certificates.authority_files import make_root

    typer.echo(_do(lambda: make_root(name, root, root_days)))
    typer.echo(_do(lambda: _renewed(name, root, out, domain, days)))
    typer.echo(f"Take {root / 'root.key'} offline: it is needed again for `portcullis certs authority renew` only.")


@app.command()
def renew(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called.")],
    root: Root,
    out: Out,
    domain: Domains = [],  # noqa: B006 - as above
    days: Days = _DAYS,
) -> None:
    """Make another authority below the root, with a new key, in place of the one that issues.

    What the one before has issued holds on: both are in NAME-clients.pem. Without --domain it may issue below the
    names of the one before.
    """
    from portcullis.control.certificates.authority_files import domains_before

    typer.echo(_do(lambda: _renewed(name, root, out, domain or domains_before(name, out), days)))


def issue(
    request: Annotated[Path, typer.Argument(metavar="CSR", help="A certificate signing request, in PEM.")],
    certificate: Annotated[Path, typer.Option(metavar="PEM", help="The authority that issues.")],
    key: Annotated[Path, typer.Option(metavar="PEM", help="Its key.")],
    name: Annotated[list[str], typer.Option("--name", metavar="NAME", help="A name to issue for; repeatable.")] = [],  # noqa: B006
    spiffe_id: Annotated[str, typer.Option(metavar="ID", help="The workload to issue for.")] = "",
    hours: Annotated[int, typer.Option(help="How long it holds.", min=1, max=2160)] = 24,
) -> None:
    """Have an authority of your own issue for the key of a request, and print it with its chain.

    The names are those that you say, whatever the request asks for.
    """
    from portcullis.control.certificates.authority_files import sign_request

    typer.echo(_do(lambda: sign_request(request, certificate, key, name, spiffe_id, hours)), nl=False)


def _renewed(name: str, root: Path, out: Path, domains: Sequence[str], days: int) -> str:
    from portcullis.control.certificates.authority_files import make_intermediate

    return make_intermediate(name, root, out, domains, days)


def _do(work: Callable[[], str]) -> str:
    """What is said of it; whatever is in its way is told, and ends the command."""
    from portcullis.engine.certificates.private_authority import IssuingError
    from portcullis.engine.certificates.reading import UnreadableError

    try:
        return work()
    except (IssuingError, UnreadableError, ValueError) as error:
        told = str(error)
    except OSError as error:
        told = f"{error.filename}: {error.strerror}"
    typer.echo(f"portcullis: {told}", err=True)
    raise typer.Exit(1)
