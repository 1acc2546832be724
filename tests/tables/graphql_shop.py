"""An API of a shop whose document is a GraphQL schema, as a policy meets it."""

from __future__ import annotations

from typing import Final

from yaml_files import cases_of

from portcullis.engine.config.model import Configuration, OperationSettings
from portcullis.engine.graphql.document import as_openapi
from portcullis.engine.openapi.document import load_document
from portcullis.engine.operation import OperationContext
from portcullis.engine.ports import Ports
from portcullis.testing import FakeClock, FakeCounters, FakeFiles, FakeKeys

SCHEMA: Final[str] = cases_of("validate/graphql")["schema"]
FILES: Final = FakeFiles({"shop.graphql": SCHEMA, "queries/me.graphql": "query Me {\n  me { id }\n}\n"})
DOCUMENT: Final = load_document("shop.graphql", as_openapi("shop.graphql", SCHEMA.encode()))


def graphql_context(name: str, spec: str = "shop.graphql") -> OperationContext:
    configuration = Configuration.model_validate(
        {
            "listeners": {"public": {"bind": "127.0.0.1:0"}},
            "roles": {"clerk": ["orders:refund"], "manager": {"inherits": ["clerk"]}},
            "apis": {
                "shop": {
                    "hosts": ["*"],
                    "upstream": {"targets": ["http://127.0.0.1:9"]},
                    "versions": {"v1": {"spec": spec}},
                }
            },
        }
    )
    (operation,) = (each for each in DOCUMENT.operations if each.name == name)
    return OperationContext(
        configuration=configuration,
        api_name="shop",
        api=configuration.apis["shop"],
        version="v1",
        settings=OperationSettings(),
        document=DOCUMENT,
        operation=operation,
        ports=Ports(FakeClock(), FakeCounters(), FakeKeys(), files=FILES),
        where=("apis", "shop"),
    )
