"""Write the pages of ``docs/`` that are made from the code; with ``--check``, fail where one is not up to date.

- ``docs/reference/configuration.md``: every key of the configuration file, from the models.
- ``docs/reference/codes.md``: everything that can be said about an exchange.
- ``docs/reference/inert-controls.md``: what is named because no request ever meets it, from the modules that find it.
- ``docs/reference/patterns.md``: everything that the inspection of requests looks for, from its tables.
- ``docs/reference/administrative.md``: by what operations look administrative, from its table.
- ``docs/policies/<phase>/<kind>.md``: each policy kind, from its module's docstring, its model, codes and probes;
  ``docs/policies/index.md`` lists them.
"""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from portcullis.engine import inert
from portcullis.engine.authorization.administrative import SIGNS
from portcullis.engine.codes import ENGINE_CODES, PHASES, Code
from portcullis.engine.config import wording
from portcullis.engine.config.descriptions import descriptions
from portcullis.engine.config.model import Configuration
from portcullis.engine.config.section import Section
from portcullis.engine.config.shape import (
    Choice,
    Fields,
    Items,
    OneOf,
    Shape,
    Table,
    describe,
    either,
    fields_of,
    sections,
    shapes_of,
    written,
)
from portcullis.engine.inspection.pattern import PLACES, Pattern, all_classes
from portcullis.engine.policy import Policy, all_policies
from portcullis.engine.token_service.codes import ENDPOINT_CODES

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = Path("docs/reference")
POLICIES = Path("docs/policies")
EXAMPLE = Path("src/portcullis/demo/portcullis.yaml")
HEADINGS = ("What", "Why", "Config", "When it fails", "Example")
EXPLAINED = ("a duration", "a size", "the path of a file")
"""What needs no example at each key: the page begins with them."""
Places = dict[type[BaseModel], tuple[str, ...]]
"""Where each model is described on the page."""
OWNED = ("docs/policies/**/*.md", "docs/reference/*.md")
"""Where every page is one of ours: any other is left over from something that is gone."""


def pages() -> dict[Path, str]:
    """Every page by its path below the project."""
    made = {REFERENCE / "configuration.md": configuration_page(), REFERENCE / "codes.md": codes_page()}
    made[REFERENCE / "inert-controls.md"] = inert_page()
    made[REFERENCE / "patterns.md"] = patterns_page()
    made[REFERENCE / "administrative.md"] = administrative_page()
    made[POLICIES / "index.md"] = policies_page()
    for policy in all_policies():
        made[POLICIES / policy.phase / f"{policy.key}.md"] = policy_page(policy)
    return {path: text.rstrip() + "\n" for path, text in made.items()}


def generated_from(source: str) -> str:
    """The first line of a page."""
    return f"<!-- Made from {source} by `make docs`: change it there. -->\n\n"


CONFIGURATION_INTRODUCTION = """\
# The configuration file

One YAML file says everything. `portcullis check` tells all that is wrong with it, and
`portcullis check --json-schema > portcullis.schema.json` writes a schema for editors
(`# yaml-language-server: $schema=portcullis.schema.json` in the first line).

It is YAML 1.2: `off` and `no` are text, and so is every key. Keys that are not listed here are errors, and so are keys
given twice and keys without a value. Anchors, aliases and merge keys (`<<`) work; tags, directives and several
documents are refused.

Paths are relative to the file. Durations have units (`500ms`, `30s`, `5m`, `1h`, `90d`), sizes may have them (`64KiB`,
`1MiB`, `10MB`). Secrets are never written into the file, only where they are: `env:NAME` or `file:PATH`.

## Several files

`include: apis/*.yaml` takes in other files, each with `apis:` and, where they go with them, `identities:`, `roles:` and
`plans:`. All of them make one configuration: what is declared in one can be named in any other, and a name that two of
them give is an error. `*` and `?` stand for text in one segment of a path, `**` for any number of folders; files come
in the order of their names. Only files below the folder of the configuration file are taken (a link that leads out of
it is an error), and included files include nothing themselves. Paths in an included file are relative to *that* file.
A file that is named but not there is an error, as is a folder; a wildcard that matches nothing is warned of. A reload
(`SIGHUP`) looks again, so an API is added by putting a file into the folder, and removed by taking it out.

## An example

"""

CODES_INTRODUCTION = """\
# Codes

A code names the reason of a refusal, and is the same in answers, records, metrics and these pages. Codes are never
reused. Some reasons are for the record only: the caller is told the code in the column *Caller sees*.
"""


INERT_INTRODUCTION = """\
# Inert controls

The commonest failure of a gateway is not a rule that is wrong, but a limit, rule or list that is written, reviewed and
shown, and that no request ever meets. `portcullis check` names them, and `portcullis serve` does not start with one.
What can do nothing is an error; what does nothing only as things are (a setting of the API that each operation of
today's document replaces would hold for tomorrow's) is a warning. Only what the file says itself is looked at: a
default may be idle. Each is told with its place, with why nothing meets it, and with what would be right:

```text
portcullis.yaml:14:68: error: apis.shop.operations."GET /status".max_body: does nothing here: a request with a body
is refused anyway
     14 |       "GET /status": {public: true, max_body: 1KiB}
        |                                     ^
  help: remove it, or say it where it can act
```

A section that says `mode: off` itself is off on purpose, and not told of.
"""


PATTERNS_INTRODUCTION = """\
# Patterns

What [the inspection of requests](../inspection.md) looks for. The id stands in the record of a refusal and in
`inspect: {injection: {allow: ...}}`. Ids are never reused.
"""


ADMINISTRATIVE_INTRODUCTION = """\
# Operations that look administrative

An operation that looks as if an ordinary caller had no business with it needs a rule that says who may call it
([authorization](../authorization.md#functions-that-look-administrative)). It looks so by any of these signs; words are
found however they are written: `adminUsers`, `admin-users` and `Admin_Users` all have `admin`. `OPTIONS` is never one.
"""


def configuration_page() -> str:
    """The reference of the configuration file."""
    text = generated_from("src/portcullis/engine/config and the policies") + CONFIGURATION_INTRODUCTION
    text += f"```yaml\n{(ROOT / EXAMPLE).read_text(encoding='utf-8')}```\n\n"
    places = {model: path for path, model in sections(Configuration)}
    return text + "".join(section_text(model, path, places) for model, path in places.items())


def section_text(model: type[BaseModel], path: tuple[str, ...], places: Places) -> str:
    """One mapping of the file: what it is, and a table of its keys."""
    title = f"`{'.'.join(path)}`" if path else "The top level"
    text = f"## {title}\n\n{markdown(inspect.getdoc(model) or '')}\n\n"
    wider = next((base for base in model.__mro__[1:] if base in places), None)
    own = {key: field for key, field in fields_of(model).items() if wider is None or key not in fields_of(wider)}
    if wider is not None:
        text += f"It also takes the keys of {link(places[wider])}, for all that is below it.\n\n"
    text += "".join(
        f"More about it: [`{policy.name}`](../policies/{policy.phase}/{policy.key}.md).\n\n"
        for policy in all_policies()
        if policy.config is model
    )
    return text + keys_table(model, own, places) + "\n"


def keys_table(model: type[BaseModel], fields: dict[str, FieldInfo], places: Places) -> str:
    """A table of some keys of ``model``."""
    rows = []
    for key, field in fields.items():
        shape = shapes_of(model)[key]
        description = markdown(descriptions(model).get(key, ""))
        rows.append((f"`{key}`", value_text(shape, places), default_text(field, shape), description))
    return table(("Key", "Value", "Default", ""), rows)


def link(path: tuple[str, ...], text: str = "") -> str:
    """A link to the section of ``path`` on the same page."""
    name = ".".join(path)
    return f"[{text or f'`{name}`'}](#{re.sub(r'[^a-z0-9_-]', '', name.lower())})"


def value_text(shape: Shape, places: Places) -> str:
    """What may stand at a key, with links to what is described elsewhere on the page."""
    if isinstance(shape, OneOf):
        return either([f"`{word}`" for word in shape.words])
    if isinstance(shape, Items):
        return f"a list, each {value_text(shape.item, places)}"
    if isinstance(shape, Choice):
        return " or ".join(value_text(option, places) for option in shape.options)
    if isinstance(shape, Table):
        return f"by {describe(shape.key).partition(' ')[2]}, each {value_text(shape.value, places)}"
    if isinstance(shape, Fields):
        words = f"{shape.noun}, or a mapping" if shape.noun else describe(shape)
        return link(places[shape.model], words) if shape.model in places else words
    example = f", such as `{shape.example}`" if shape.example and shape.noun not in EXPLAINED else ""
    limits = wording.bounds(shape, "")
    return shape.noun + (f", {limits}" if limits else "") + example


def default_text(field: FieldInfo, shape: Shape) -> str:
    """The default of a key as it would be written."""
    if field.is_required():
        return "required"
    default = written(field.default, shape)
    if default is None or isinstance(default, Section) or default in ([], {}):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def inert_page() -> str:
    """What ``portcullis check`` finds that does nothing."""
    text = generated_from("the modules in src/portcullis/engine/inert") + INERT_INTRODUCTION
    for kind in inert.kinds():
        first, _, rest = (inspect.getdoc(kind) or "").partition("\n\n")
        text += f"\n## {markdown(' '.join(first.split())).rstrip('.')}\n\n{markdown(rest)}\n"
    return text


def patterns_page() -> str:
    """What is looked for in requests, by class of attack."""
    text = generated_from("the tables in src/portcullis/engine/inspection/patterns") + PATTERNS_INTRODUCTION
    for attack, patterns in all_classes():
        summary = f"{attack.summary[:1].upper()}{attack.summary[1:]} (CWE-{attack.cwe})."
        rows = [(f"`{pattern.id}`", pattern.description, where_text(pattern)) for pattern in patterns]
        text += f"\n## {attack.title}\n\n{markdown(summary)}\n\n{table(('Id', 'Finds', 'Where'), rows)}"
    return text


def administrative_page() -> str:
    """By what operations look administrative."""
    text = generated_from("src/portcullis/engine/authorization/administrative.py") + ADMINISTRATIVE_INTRODUCTION
    rows = [(f"{sign.finds[:1].upper()}{sign.finds[1:]}", f"`{sign.example}`") for sign in SIGNS]
    return f"{text}\n{table(('Sign', 'Example'), rows)}"


def where_text(pattern: Pattern) -> str:
    """Where in a request a pattern counts."""
    return "" if pattern.places == PLACES else ", ".join(sorted(pattern.places))


def policies_page() -> str:
    """The list of policy kinds."""
    text = generated_from("the modules in src/portcullis/engine/policies")
    text += "# Policies\n\nIn the order in which a request meets them.\n\n"
    rows = []
    for policy in all_policies():
        summary = (inspect.getdoc(module_of(policy)) or "").partition("\n")[0]
        rows.append((f"[`{policy.name}`]({policy.phase}/{policy.key}.md)", markdown(summary)))
    return text + table(("Policy", ""), rows)


def policy_page(policy: Policy) -> str:
    """Everything about one policy kind."""
    module = module_of(policy)
    summary, parts = split_docstring(inspect.getdoc(module) or "")
    source = f"src/{module.__name__.replace('.', '/')}.py"
    text = generated_from(source) + f"# `{policy.name}`\n\n{summary}\n\n"
    for heading in HEADINGS:
        text += f"## {heading}\n\n{parts.get(heading, '')}\n\n"
        if heading == "Config":
            text += "".join(config_tables(policy.config))
        if heading == "When it fails":
            text += code_table(codes_of([policy])) + "\n"
    text += "## How it is proven\n\n" + "".join(
        f"- {probe.name[:1].upper()}{probe.name[1:]} must bring `{probe.expects.name}`.\n" for probe in policy.probes
    )
    return text


def config_tables(config: type[BaseModel]) -> Iterator[str]:
    """The keys of a policy's config, and of what is below it."""
    for path, model in sections(config):
        if path:
            yield f"Below `{'.'.join(path)}`: {markdown(inspect.getdoc(model) or '')}\n\n"
        yield keys_table(model, fields_of(model), {}) + "\n"


def codes_page() -> str:
    """Everything that can be said about an exchange, by phase."""
    text = generated_from("src/portcullis/engine/codes.py and the policies") + CODES_INTRODUCTION
    every = codes_of(list(all_policies()), *ENGINE_CODES, *ENDPOINT_CODES)
    for phase in PHASES:
        codes = [code for code in every if code.phase == phase]
        if codes:
            text += f"\n## {phase}\n\n{code_table(codes)}"
    return text


def codes_of(policies: list[Policy], *others: Code) -> list[Code]:
    """The codes of ``policies`` and ``others``, and those that callers see in place of them, each once."""
    found = [*others, *(code for policy in policies for code in policy.codes)]
    return list({code.name: code for code in [*found, *(code.visible for code in found)]}.values())


def code_table(codes: list[Code]) -> str:
    """A table of codes, by name."""
    rows = [
        (f"`{code.name}`", str(code.status), code.title, "" if code.visible is code else f"`{code.visible.name}`")
        for code in sorted(codes, key=lambda code: code.name)
    ]
    return table(("Code", "Status", "Meaning", "Caller sees"), rows)


def module_of(policy: Policy) -> ModuleType:
    """The module in which a policy kind is written."""
    return sys.modules[policy.config.__module__]


def split_docstring(text: str) -> tuple[str, dict[str, str]]:
    """The summary of a policy's docstring, and the texts below its headings."""
    pieces = re.split(rf"^({'|'.join(HEADINGS)})$\n", text, flags=re.MULTILINE)
    parts = {heading: markdown(textwrap.dedent(body)) for heading, body in zip(pieces[1::2], pieces[2::2], strict=True)}
    return markdown(pieces[0].strip()), parts


def markdown(text: str) -> str:
    """Docstring text as Markdown: code, roles and code blocks."""
    text = re.sub(r":[a-z]+:`~?(?:[\w.]*\.)?(\w+)(?: <[^>`]*>)?`", r"`\1`", text)
    text = text.replace("``", "`")
    return re.sub(r"^\.\. code-block:: (\w+)\n((?:[ ]*\n|[ ]+.*\n?)+)", _fence, text, flags=re.MULTILINE).strip()


def _fence(match: re.Match[str]) -> str:
    return f"```{match[1]}\n{textwrap.dedent(match[2]).strip()}\n```\n"


def table(header: tuple[str, ...], rows: list[Any]) -> str:
    """A Markdown table; cells are put on one line."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "".join("| " + " | ".join(cell(text) for text in line) + " |\n" for line in lines)


def cell(text: str) -> str:
    """``text`` in a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def stale(root: Path) -> Iterator[str]:
    """One line for each page that differs from what the code says, or that nothing says any more."""
    made = pages()
    for path, text in made.items():
        file = root / path
        if not file.is_file():
            yield f"{path}: missing"
        elif file.read_text(encoding="utf-8") != text:
            yield f"{path}: not up to date"
    for pattern in OWNED:
        for file in sorted(root.glob(pattern)):
            if file.relative_to(root) not in made:
                yield f"{file.relative_to(root)}: made from nothing that is there"


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Write the pages, or check them; 1 if any is stale."""
    if arguments == ["--check"]:
        faults = list(stale(root))
        for fault in faults:
            print(f"{fault}; run `make docs`")
        return 1 if faults else 0
    if arguments:
        print("usage: generate_docs.py [--check]", file=sys.stderr)
        return 2
    made = pages()
    for path, text in made.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    for pattern in OWNED:
        for file in root.glob(pattern):
            if file.relative_to(root) not in made:
                file.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
