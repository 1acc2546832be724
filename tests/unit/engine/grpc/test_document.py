from __future__ import annotations

from grpc_shop import descriptor_set

from portcullis.engine.grpc.document import as_openapi
from portcullis.engine.openapi.document import load_document


def test_each_method_is_an_operation_of_a_sound_document():
    content = as_openapi("shop.binpb", descriptor_set().SerializeToString())
    document = load_document("shop.binpb", content, lambda path: b"")
    names = {operation.name: operation for operation in document.operations}
    assert "POST /shop.Orders/Get" in names
    assert len(names) == 5
    assert document.warnings == ()


def test_it_says_what_the_source_says():
    text = as_openapi("shop.binpb", descriptor_set().SerializeToString()).decode()
    assert '"summary": "One order."' in text
    assert "shop.Order -> shop.Summary. Many messages, answered by one." in text
