"""From the text of a configuration file to a :class:`Configuration` that is sound in itself.

What the file says about other files (documents, certificates) is not looked at here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeVar

import msgspec
from pydantic import BaseModel, ValidationError

from portcullis.engine.config import reader, tree
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.model import ApiConfig, Configuration, ListenerConfig
from portcullis.engine.config.references import ReferenceChecker
from portcullis.engine.config.translate import Translator

_ModelT = TypeVar("_ModelT", bound=BaseModel)


class LoadedConfiguration(msgspec.Struct, frozen=True):
    """A configuration, and where everything in it stands.

    ``file`` is its path as the user wrote it; ``warnings`` don't keep it from being used.
    """

    configuration: Configuration
    warnings: tuple[Diagnostic, ...]
    file: str
    root: tree.Mapping

    def locate(self, path: Sequence[str | int]) -> tuple[int, int]:
        """Line and column (from 1) of the last key or list item of ``path``, or of the part of it that is there."""
        return tree.locate(self.root, path)

    def diagnostic(
        self, path: Sequence[str | int], message: str, hint: str = "", severity: Literal["error", "warning"] = "error"
    ) -> Diagnostic:
        """A diagnostic about what stands at ``path`` (``("apis", "shop", "hosts", 0)``)."""
        return Diagnostic(self.file, *self.locate(path), tree.pointer(path), message, hint, severity)

    def placed(self, diagnostic: Diagnostic) -> Diagnostic:
        """``diagnostic`` with file, line and column, where it has none: found by its pointer."""
        if diagnostic.file:
            return diagnostic
        path = tree.parse_pointer(self.root, diagnostic.pointer)
        line, column = self.locate(path)
        is_whole = ".".join(map(str, path)) == diagnostic.pointer
        named = tree.pointer(path) if is_whole else diagnostic.pointer
        return msgspec.structs.replace(diagnostic, file=self.file, line=line, column=column, pointer=named)


def load_configuration(text: str, file: str) -> LoadedConfiguration:
    """Read ``text``, the content of ``file``; raises :class:`ConfigurationError` with every error in it, sorted."""
    root, problems = msgspec.structs.astuple(reader.read(text, file))
    checker = ReferenceChecker(root, file)
    data = tree.plain(root)
    configuration, mistakes = _validated(data, root, file)
    errors = {*problems, *mistakes, *checker.names()}
    listeners = configuration.listeners if configuration else _sound_entries(data, "listeners", ListenerConfig)
    apis = configuration.apis if configuration else _sound_entries(data, "apis", ApiConfig)
    warnings = []
    for finding in (*checker.listeners(listeners), *checker.apis(apis)):
        if finding.severity == "error":
            errors.add(finding)
        else:
            warnings.append(finding)
    if configuration is None or errors:
        raise ConfigurationError(errors)
    warnings.extend(checker.unused(configuration))
    return LoadedConfiguration(configuration, tuple(sorted(warnings)), file, root)


def _validated(data: Any, root: tree.Mapping, file: str) -> tuple[Configuration | None, Iterable[Diagnostic]]:
    translator = Translator(Configuration, root, file)
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
