from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from rows import rows

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.config.merge import effective
from portcullis.engine.config.model import ApiConfig
from portcullis.engine.objects.heads import check_head, get_beside

RULE = {"owner": "response.owner == identity.subject"}
HIDDEN = {"fields": {"response": {"/email": {"see": []}}}}
EXEMPT = {"owner": {"exempt_roles": ["support"]}}
OFF = {"owner": {"mode": "off"}}
GET, HEAD = "GET /orders/{id}", "HEAD /orders/{id}"


def spec(name: str) -> Any:
    method, _, path = name.partition(" ")
    return SimpleNamespace(name=name, method=method, path=path)


def context(get: Any = None, head: Any = None, api: Any = None, name: str = HEAD, **more: Any) -> Any:
    operations = {GET: {"objects": get} if get else {}, HEAD: {"objects": head} if head else {}}
    written = {"hosts": ["*"], "upstream": {"targets": ["http://127.0.0.1:9"]}, "versions": {"v1": {"spec": "s.yaml"}}}
    said = ApiConfig.model_validate({**written, **({"objects": api} if api else {}), "operations": operations})
    settings = effective(said, said.versions["v1"], name).model_copy(update=more)
    document = SimpleNamespace(operations=[spec(GET), spec(HEAD), spec("HEAD /alone"), spec("GET /other")])
    return SimpleNamespace(
        api=said, version="v1", settings=settings, document=document, operation=spec(name), where=("apis", "shop")
    )


@rows(
    "said",
    [
        {},
        {"get": OFF},
        {"get": RULE, "head": RULE},
        {"get": RULE, "head": OFF},
        {"api": RULE},
        {"get": HIDDEN, "head": HIDDEN},
        {"get": HIDDEN, "head": {"fields": {"mode": "off"}}},
        {"get": {"fields": {"request": {"/email": {"set": []}}}}},
        {"get": {**RULE, **HIDDEN}, "name": GET},
        {"get": {**RULE, **HIDDEN}, "name": "HEAD /alone"},
        {"get": {**RULE, **HIDDEN}, "public": True},
    ],
)
def test_what_keeps_nothing_back_or_says_so_itself(said: dict[str, Any]) -> None:
    check_head(context(**said))


@rows(
    ("said", "told"),
    [
        ({"get": RULE}, ["tells which objects are there, and GET /orders/{id} has a rule"]),
        ({"get": RULE, "api": EXEMPT}, ["tells which objects are there"]),
        ({"get": RULE, "head": {"fields": {"mode": "off"}}}, ["tells which objects are there"]),
        ({"get": HIDDEN, "head": RULE}, ["tells how long answers are, and GET /orders/{id} hides fields"]),
        ({"get": {**RULE, **HIDDEN}}, ["tells which objects are there", "tells how long answers are"]),
    ],
)
def test_what_the_get_keeps_back_is_not_told_by_the_head(said: dict[str, Any], told: list[str]) -> None:
    with pytest.raises(ConfigurationError) as error:
        check_head(context(**said))
    messages = [each.message for each in error.value.diagnostics]
    assert len(messages) == len(told)
    assert all(any(part in message for message in messages) for part in told)


def test_the_get_of_a_head() -> None:
    found = get_beside(context())
    assert found is not None
    assert found.name == GET
    assert get_beside(context(name="HEAD /alone")) is None
    assert get_beside(context(name=GET)) is None
