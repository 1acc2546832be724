from __future__ import annotations

from typing import Any

import pytest
from rows import rows
from yaml_files import cases_of

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.ports import Unanswered
from portcullis.engine.relations.creating import MOST_TOGETHER
from portcullis.engine.relations.keeping import KEEP, decode_tuples, encode_kept
from portcullis.engine.relations.tuples import parse_tuple

FILE = cases_of("objects/creates")
RELATIONS = {
    "user": ["people"],
    "shop": {},
    "order": {"owner": ["user"], "seller": ["shop"], "viewer": ["owner"]},
}
ORDER = {"creates": {"object": "order:{response.id}", "relation": "owner"}}
OWNED = {"owner": 'related("order", request.path.id, "owner")'}


class Keeper:
    """Keeps tuples in a scene's relations, as the control process would. ``fails``: it goes away just before."""

    def __init__(self, scene: Any) -> None:
        self.scene = scene
        self.fails = False
        scene.questions.answers[KEEP] = self.keep

    def keep(self, question: bytes) -> bytes:
        tuples = decode_tuples(question)
        if tuples and self.fails:
            raise Unanswered(KEEP)
        known = self.scene.relations.tuples
        kept = []
        for each in tuples:
            holders = {t for t in known if (t.relation, t.object_id) == (each.relation, each.object_id)}
            kept.append(holders <= {each})
            known |= {each} if kept[-1] else set()
        return encode_kept(kept)


def made(scene: Any, operation: str, objects: Any = ORDER, **more: Any) -> Any:
    found = scene(FILE["document"], {operation: objects}, file={"relations": RELATIONS}, **more)
    Keeper(found)
    return found


@rows("case", FILE["cases"], ids=lambda case: case["name"])
def test_case(case: dict[str, Any], scene: Any, check_case: Any) -> None:
    if "mistake" in case:
        with pytest.raises(ConfigurationError) as error:
            made(scene, case["of"], case["objects"])
        told = "\n".join(map(str, error.value.diagnostics))
        for part in [case["mistake"]] if isinstance(case["mistake"], str) else case["mistake"]:
            assert part in told
        return
    method, _, path = case["call"].partition(" ")
    operation = f"{method} {'/orders/{id}' if path.startswith('/orders/') else path}"
    world = made(scene, operation, case["objects"])
    world.relations.tuples |= set(map(parse_tuple, case.get("there", ())))
    how = {key: case[key] for key in ("by", "body", "headers") if key in case}
    check_case(case, world.call(case["call"], case["answers"], **how))
    if "kept" in case:
        assert sorted(map(str, world.relations.tuples)) == case["kept"]


def test_the_next_call_finds_the_object_the_callers_own(scene: Any) -> None:
    operations = {"POST /orders": ORDER, "PUT /orders/{id}": OWNED}
    world = scene(FILE["document"], operations, file={"relations": RELATIONS})
    Keeper(world)
    assert world.call("PUT /orders/17", by="alice").status == 404
    assert world.call("POST /orders", [{"status": 201, "json": {"id": 17}}], by="alice").status == 201
    assert world.call("PUT /orders/17", [{"id": "17"}], by="alice").status == 200
    assert world.call("PUT /orders/17", by="bob").status == 404


def test_where_relations_can_not_be_kept_nothing_is_created(scene: Any) -> None:
    world = made(scene, "POST /orders")
    world.questions.answers.clear()
    refused = world.call("POST /orders")
    assert (refused.status, refused.record.code) == (503, "objects.unavailable")


def test_what_was_created_and_could_not_be_kept_is_in_the_record(scene: Any) -> None:
    world = made(scene, "POST /orders")
    Keeper(world).fails = True
    refused = world.call("POST /orders", [{"status": 201, "json": {"id": 17}}])
    assert (refused.status, refused.codes) == (502, ["refuse objects.not_kept"])
    finding = refused.record.verdicts[-1].finding
    assert finding is not None
    assert finding.found == "order:17#owner@user:alice"
    assert b"order" not in refused.body


def test_an_answer_that_is_too_large_to_look_at_is_not_kept(scene: Any) -> None:
    world = made(scene, "POST /orders", {"objects": ORDER, "max_response": 10})
    refused = world.call("POST /orders", [{"status": 201, "json": {"id": 17, "tags": ["x"]}}])
    assert (refused.status, refused.record.code) == (502, "objects.not_kept")


@pytest.mark.slow
def test_too_many_objects_are_not_kept(scene: Any) -> None:
    objects = {"creates": {"object": "order:{response.orders[].id}", "relation": "owner"}}
    world = made(scene, "POST /batch", objects)
    orders = [{"id": number} for number in range(MOST_TOGETHER + 1)]
    assert world.call("POST /batch", [{"status": 201, "json": {"orders": orders}}]).status == 502
    assert world.call("POST /batch", [{"status": 201, "json": {"orders": orders[1:]}}]).status == 201
    assert len(world.relations.tuples) == MOST_TOGETHER


def test_nobody_in_particular_creates_nothing(scene: Any) -> None:
    world = made(scene, "POST /orders", authenticate={"any_of": ["people"], "mode": "monitor"})
    refused = world.call("POST /orders", by="")
    assert (refused.status, refused.record.code) == (403, "objects.nobody")


def test_whoever_calls_a_public_operation_is_nobody(scene: Any) -> None:
    with pytest.raises(ConfigurationError, match="is nobody, to whom nothing can belong"):
        made(scene, "POST /orders", {"objects": ORDER, "public": True})


def test_without_relations_in_the_file_nothing_can_be_kept(scene: Any) -> None:
    with pytest.raises(ConfigurationError, match="there is no type order"):
        scene(FILE["document"], {"POST /orders": ORDER})
    with pytest.raises(ConfigurationError, match="of which type callers are that people proves is not said"):
        scene(FILE["document"], {"POST /orders": ORDER}, file={"relations": {"user": {}, "order": {"owner": ["user"]}}})
