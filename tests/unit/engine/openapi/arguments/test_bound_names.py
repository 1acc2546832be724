from __future__ import annotations

from rows import rows

from portcullis.engine.openapi.arguments.bound_names import as_bound


@rows("name", ["role", "ROLE", "role[]", "Role[0]", "role[a][b]", "role[", "[role]", "[role][a]", " role", "role "])
def test_what_services_bind_to_the_same(name: str) -> None:
    assert as_bound(name) == "role"


@rows("name", ["", "roles", "a[role]", "a.role", "[a]role", "ro le"])
def test_what_they_bind_to_something_else(name: str) -> None:
    assert as_bound(name) != "role"
