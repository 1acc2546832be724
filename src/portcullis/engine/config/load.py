"""From the text of a configuration file to a :class:`Configuration` that is sound in itself.

Files that it includes are read; what it says about others (documents, certificates) is not looked at here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeVar

import msgspec
from pydantic import BaseModel, TypeAdapter, ValidationError

from portcullis.engine.config import reader, tree
from portcullis.engine.config.callers import RoleConfig
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic, TextDiagnostic
from portcullis.engine.config.include import include
from portcullis.engine.config.listeners import ListenerConfig
from portcullis.engine.config.model import ApiConfig, Configuration
from portcullis.engine.config.references import ReferenceChecker
from portcullis.engine.config.sources import Sources
from portcullis.engine.config.text_places import place_of
from portcullis.engine.config.translate import Translator
from portcullis.engine.ports import SourceFiles
from portcullis.engine.relations.declaring import RelationTypes

_ModelT = TypeVar("_ModelT", bound=BaseModel)


class LoadedConfiguration(msgspec.Struct, frozen=True):
    """A configuration, and where everything in it stands.

    ``warnings`` don't keep it from being used; ``sources``: its files; ``root``: the tree that they make together.
    """

    configuration: Configuration
    warnings: tuple[Diagnostic, ...]
    sources: Sources
    root: tree.Mapping

    @property
    def file(self) -> str:
        """The configuration file, as the user wrote its path."""
        return self.sources.file

    def locate(self, path: Sequence[str | int]) -> tuple[int, int]:
        """Line and column (from 1) of the last key or list item of ``path``, or of the part of it that is there."""
        return tree.locate(self.root, path)

    def diagnostic(
        self, path: Sequence[str | int], message: str, hint: str = "", severity: Literal["error", "warning"] = "error"
    ) -> Diagnostic:
        """A diagnostic about what stands at ``path`` (``("apis", "shop", "hosts", 0)``)."""
        named = tree.pointer(tree.written(self.root, path))
        return Diagnostic(self.sources.of(path), *self.locate(path), named, message, hint, severity)

    def placed(self, diagnostic: Diagnostic) -> Diagnostic:
        """``diagnostic`` with file, line and column, where it has none: found by its pointer."""
        if diagnostic.file:
            return diagnostic
        path = tree.parse_pointer(self.root, diagnostic.pointer)
        line, column = self.locate(path)
        is_whole = ".".join(map(str, path)) == diagnostic.pointer
        node = tree.find(self.root, path)
        if isinstance(diagnostic, TextDiagnostic) and isinstance(node, tree.Scalar):
            line, column = place_of(node, diagnostic.offset)
            is_whole = True  # nothing stands below a text but what the model adds
        named = tree.pointer(path) if is_whole else diagnostic.pointer
        return Diagnostic(
            self.sources.of(path),
            line,
            column,
            named,
            diagnostic.message,
            diagnostic.hint,
            diagnostic.severity,
            diagnostic.private,
        )


def load_configuration(text: str, file: str, files: SourceFiles | None = None) -> LoadedConfiguration:
    """Read ``text``, the content of ``file``, and what it includes, from ``files``.

    Raises :class:`ConfigurationError` with every error in them, sorted.
    """
    main = reader.read(text, file)
    root, sources, included = msgspec.structs.astuple(include(main.root, file, files))
    checker = ReferenceChecker(root, sources)
    data = tree.plain(root)
    configuration, mistakes = _validated(data, root, sources)
    errors = {*main.problems, *mistakes, *checker.names()}
    listeners = configuration.listeners if configuration else _sound_entries(data, "listeners", ListenerConfig)
    apis = configuration.apis if configuration else _sound_entries(data, "apis", ApiConfig)
    roles = configuration.roles if configuration else _sound_entries(data, "roles", RoleConfig)
    relations = configuration.relations if configuration else _sound_relations(data)
    warnings = []
    identities = configuration.identities if configuration else {}
    certificates = checker.client_certificates(listeners, identities)
    findings = (*checker.listeners(listeners), *certificates, *checker.roles(roles), *checker.relations(relations))
    if configuration is not None:
        findings = (*findings, *checker.certificates(configuration))
        findings = (*findings, *checker.token_service(configuration.token_service, configuration.identities))
    for finding in (*included, *findings, *checker.apis(apis)):
        if finding.severity == "error":
            errors.add(finding)
        else:
            warnings.append(finding)
    if configuration is None or errors:
        raise ConfigurationError(errors)
    return LoadedConfiguration(configuration, tuple(sorted(warnings)), sources, root)


def _validated(data: Any, root: tree.Mapping, sources: Sources) -> tuple[Configuration | None, Iterable[Diagnostic]]:
    translator = Translator(Configuration, root, sources)
    empty = list(translator.empty_keys())
    try:
        return Configuration.model_validate(data), empty
    except ValidationError as error:
        return None, [*empty, *translator.translate(error.errors(include_url=False, include_input=False))]


def _sound_entries(data: Any, section: str, model: type[_ModelT]) -> dict[str, _ModelT]:
    """The entries of one section that can be read, of a file that has errors elsewhere."""
    entries = data.get(section)
    sound: dict[str, _ModelT] = {}
    for name, value in entries.items() if isinstance(entries, dict) else ():
        try:
            sound[name] = model.model_validate(value)
        except ValidationError:
            continue
    return sound


def _sound_relations(data: Any) -> RelationTypes:
    """The relations of a file that has errors elsewhere; none if there are errors in them."""
    try:
        return TypeAdapter(RelationTypes).validate_python(data.get("relations") or {}, strict=True)
    except ValidationError:
        return {}
