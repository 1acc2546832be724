"""How one finding reads, and that all of them come in the order of the file."""

from __future__ import annotations

from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic


def test_a_diagnostic_reads_like_a_compiler_s() -> None:
    full = Diagnostic("a.yaml", 3, 5, "apis.shop", "is wrong", "write it right")
    assert str(full) == "a.yaml:3:5: error: apis.shop: is wrong (write it right)"
    assert str(Diagnostic("a.yaml", 0, 0, "", "is empty", severity="warning")) == "a.yaml: warning: is empty"


def test_an_error_holds_its_diagnostics_in_the_order_of_the_file() -> None:
    places = [("b.yaml", 1, 1), ("a.yaml", 10, 1), ("a.yaml", 2, 7), ("a.yaml", 2, 3), ("a.yaml", 0, 0)]
    error = ConfigurationError(Diagnostic(*place, "", "x") for place in places)
    assert [(d.file, d.line, d.column) for d in error.diagnostics] == sorted(places)
    assert str(error).count("\n") == 4
