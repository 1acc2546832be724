"""``portcullis explain --who-can`` and ``--what-can``: who may call an operation, and what somebody may call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from portcullis.cli.output import Format, lines_on, print_json

if TYPE_CHECKING:
    from portcullis.control.access import AccessReview
    from portcullis.control.access_answers import Holder, OperationAccess
    from portcullis.control.access_rules import AccessRule


def tell_who_can(call: str, config: Path, output: Format) -> bool:
    """Print who may call the operations that ``call`` may mean; gives whether anybody may."""
    from portcullis.control.access import UnknownName

    review = _review(config)
    try:
        found = review.who_can(call)
    except UnknownName as error:
        raise typer.BadParameter(str(error), param_hint="--who-can") from error
    if output is Format.JSON:
        print_json(found)
    else:
        for operation in found:
            print_operation(operation, Console(highlight=False))
    return any(each.anyone or each.consumers or each.roles or each.services or _by_others(each) for each in found)


def tell_what_can(name: str, config: Path, output: Format) -> bool:
    """Print what the consumer or role ``name`` may call; gives whether that is anything."""
    from portcullis.control.access import UnknownName

    review = _review(config)
    try:
        found = review.what_can(name)
    except UnknownName as error:
        raise typer.BadParameter(str(error), param_hint="--what-can") from error
    if output is Format.JSON:
        print_json(found)
    else:
        for holder in found:
            print_holder(holder, Console(highlight=False))
    return any(holder.operations for holder in found)


def _review(config: Path) -> AccessReview:
    from portcullis.cli.loading import guarded, keys_from, read_configuration, usable_keys
    from portcullis.control.access import AccessReview
    from portcullis.control.stored_credentials import stored_users
    from portcullis.stores.clock import SystemClock
    from portcullis.stores.files import ConfigurationFiles

    with guarded(config):
        loaded = read_configuration(config)
        keys = usable_keys(loaded, config)
        users = keys_from(stored_users, loaded, config)
        return AccessReview(loaded, config, ConfigurationFiles(config), SystemClock(), keys, users)


def print_operation(access: OperationAccess, console: Console) -> None:
    """The operation, what it asks of callers and where, and who comes through."""
    line = lines_on(console)
    line((access.operation, "bold"), f" of {access.api} {access.version}, {access.path}, ", (access.declared, "cyan"))
    if access.anyone:
        line("  anyone    may call it")
        line()
        return
    line("  proven by ", ", ".join(access.identities))
    for rule in access.rules:
        line("  asks for  ", _said(rule), "  ", (rule.rule, "dim"), " ", (rule.where, "cyan"))
    if not access.rules:
        line("  asks for  nothing more")
    if access.needs_role:
        roles = [role.name + (f" (by {', '.join(role.by)})" if role.by else "") for role in access.roles]
        line("  roles     ", ", ".join(roles) or "none that does alone")
    for consumer in access.consumers:
        roles_held = f" ({', '.join(consumer.roles)})" if consumer.roles else ""
        by = _by(consumer.keys, consumer.password)
        line("  ", (f"{'consumer':<10}", "green"), f"{consumer.name}{roles_held}, {by}")
    if not access.consumers and _by_keys(access):
        line("  consumers none of those with keys")
    for service in access.services:
        line("  ", (f"{'service':<10}", "green"), service)
    for refused in access.refused:
        line("  ", (f"{'refused':<10}", "red"), f"{refused.name}, {refused.code}")
    line()


def print_holder(holder: Holder, console: Console) -> None:
    """What somebody holds, and a line for each operation that he may call."""
    line = lines_on(console)
    line((holder.name, "bold"), f", a {holder.kind}")
    if holder.roles != [holder.name]:
        line("  roles       ", ", ".join(holder.roles) or "none")
    line("  permissions ", ", ".join(holder.permissions) or "none of those that are asked for")
    for key, scopes in holder.scopes.items():
        line(f"  key {key}", " with ", ", ".join(scopes) or "no scopes")
    line()
    width = max((len(reach.operation) for reach in holder.operations), default=0)
    for reach in holder.operations:
        several = len(holder.scopes) > 1 or (reach.password and holder.scopes)
        by = f" by {_by(reach.keys, reach.password)}" if several and (reach.keys or reach.password) else ""
        line("  ", (f"{reach.operation:<{width}}", "green"), f"  {reach.api} {reach.version}  {reach.path}{by}")
        for rule in reach.rules:
            line(" " * (width + 4), f"if {_said(rule)}")
    line()
    count = len(holder.operations)
    line(f"may call {count} of {count + holder.refused} operations")
    line()


def _by(keys: Sequence[str], password: bool) -> str:
    """By what somebody comes through."""
    return " or ".join(([f"key {', '.join(keys)}"] if keys else []) + (["password"] if password else []))


def _said(rule: AccessRule) -> str:
    kind = rule.policy.partition(".")[2].replace("_", " ")
    words = rule.says if kind == "every caller" else f"{kind}: {rule.says}"
    return words + (" (monitored: not refused yet)" if rule.monitored else "")


def _by_keys(access: OperationAccess) -> bool:
    return any("api_key" in identity for identity in access.identities)


def _by_others(access: OperationAccess) -> bool:
    """Whether callers may come who are not known here, such as holders of tokens."""
    return any("api_key" not in identity for identity in access.identities) and not access.needs_role
