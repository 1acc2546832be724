"""What the file's keys are for: the strings that stand below the fields of the models.

They are read from the source when somebody asks, which only error messages and the documentation do: pydantic, told
to look for them itself, does so whenever the models are imported, and that was a third of the time a command takes.
"""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache

from pydantic import BaseModel


@cache
def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """What is said of each field of ``model``, by the key that stands in the file; nothing of those without a word.

    A description that a field has itself comes first; a field that a model declares anew has none of its base's.
    """
    below: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            strings = _below_fields(base.__module__).get(base.__name__, {})
            below |= {name: strings.get(name, "") for name in inspect.get_annotations(base)}
    said = {field.alias or name: field.description or below.get(name, "") for name, field in model.model_fields.items()}
    return {key: text for key, text in said.items() if text}


@cache
def _below_fields(module: str) -> dict[str, dict[str, str]]:
    """The strings below annotated names, for each class at the top of ``module``."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: _strings_of(node) for node in tree.body if isinstance(node, ast.ClassDef)}


def _strings_of(node: ast.ClassDef) -> dict[str, str]:
    strings: dict[str, str] = {}
    for declared, following in zip(node.body, node.body[1:], strict=False):
        if not isinstance(declared, ast.AnnAssign) or not isinstance(declared.target, ast.Name):
            continue
        if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            strings[declared.target.id] = inspect.cleandoc(str(following.value.value))
    return strings
