from __future__ import annotations

from rows import rows

from portcullis.engine.inspection.detectors import code


@rows("text", ["system('id')", "; phpinfo()", "a=eval($x)", "${exec('x')}", "(system)('x')", "system(id)"])
def test_a_call_as_a_statement(text: str) -> None:
    assert code.is_php_call(text)


@rows("text", ["the system (a)", "eval is evil", "include (x)", "my_system('x') is mine"])
def test_no_call_in_a_sentence(text: str) -> None:
    assert not code.is_php_call(text)
