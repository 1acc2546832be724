"""Files that the configuration file includes."""

from __future__ import annotations

import errno
import time

import pytest
from rows import rows

from portcullis.engine.config import include as include_module
from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.config.load import LoadedConfiguration, load_configuration
from portcullis.testing import FakeFiles

MAIN = """\
listeners:
  public: {bind: "127.0.0.1:8080"}
identities:
  partners: {api_key: {}}
include: apis/*.yaml
"""
SHOP = """\
apis:
  shop:
    hosts: [api.shop.example]
    upstream: {targets: ["http://127.0.0.1:9000"]}
    authenticate: [partners]
    versions: {v1: {spec: specs/shop.yaml}}
"""
BILLING = SHOP.replace("shop", "billing")
FILES = {"apis/shop.yaml": SHOP, "apis/billing.yaml": BILLING}


def load(main: str = MAIN, files: dict[str, str] | None = None) -> LoadedConfiguration:
    return load_configuration(main, "conf/p.yaml", FakeFiles(FILES if files is None else files))


def complaints(main: str = MAIN, files: dict[str, str] | None = None) -> list[str]:
    try:
        return [str(warning) for warning in load(main, files).warnings]
    except ConfigurationError as error:
        return [str(diagnostic) for diagnostic in error.diagnostics]


def test_the_apis_of_included_files_are_served_in_the_order_of_their_names() -> None:
    loaded = load()
    assert list(loaded.configuration.apis) == ["billing", "shop"]
    assert loaded.configuration.include == ["apis/*.yaml"]
    assert loaded.warnings == ()


def test_what_the_file_itself_declares_comes_first() -> None:
    main = MAIN + SHOP.replace("shop", "first")
    assert list(load(main).configuration.apis) == ["first", "billing", "shop"]


@rows(
    ("globs", "apis"),
    [
        ("[apis/shop.yaml, apis/billing.yaml]", ["shop", "billing"]),
        ('["apis/s*.yaml", "apis/*.yaml"]', ["shop", "billing"]),
        ("apis/shop.yaml", ["shop"]),
        ("[]", []),
    ],
)
def test_globs_are_taken_in_their_order_and_each_file_once(globs: str, apis: list[str]) -> None:
    main = MAIN.replace("apis/*.yaml", globs) + SHOP.replace("shop", "first")
    assert list(load(main).configuration.apis) == ["first", *apis]


def test_identities_plans_and_roles_may_be_included_and_used_everywhere() -> None:
    people = (
        "plans:\n  gold: {rate: {requests: 1, per: day}}\nroles:\n  clerk: [a]\nidentities:\n  staff: {api_key: {}}\n"
    )
    shop = SHOP.replace("[partners]", "[partners, staff]") + "    limit: {plan: gold}\n"
    configuration = load(MAIN, {"apis/people.yaml": people, "apis/shop.yaml": shop}).configuration
    assert (list(configuration.plans), list(configuration.roles)) == (["gold"], ["clerk"])
    assert list(configuration.identities) == ["partners", "staff"]


def test_paths_in_an_included_file_are_relative_to_it() -> None:
    shop = SHOP.replace("specs/shop.yaml}", "specs/shop.yaml}, v2: {spec: ../shop.yaml}, v3: {spec: /srv/shop.yaml}")
    shop = shop.replace("[api.shop.example]", "[api.shop.example]\n    version: {by: header}")
    shop = shop.replace('9000"]', '9000"], ca: tls/ca.pem')
    api = load(MAIN, {"apis/shop.yaml": shop}).configuration.apis["shop"]
    assert [version.spec for version in api.versions.values()] == [
        "apis/specs/shop.yaml",
        "shop.yaml",
        "/srv/shop.yaml",
    ]
    assert api.upstream.ca == "apis/tls/ca.pem"
    assert api.hosts == ["api.shop.example"]


def test_a_path_that_an_alias_repeats_is_made_relative_once() -> None:
    api = load(
        MAIN,
        {
            "apis/shop.yaml": SHOP.replace("{v1: {spec: specs/shop.yaml}}", "{v1: &one {spec: shop.yaml}, v2: *one}")
            + "    version: {by: header}\n"
        },
    ).configuration.apis["shop"]
    assert [version.spec for version in api.versions.values()] == ["apis/shop.yaml", "apis/shop.yaml"]


def test_paths_in_the_file_itself_stay_as_they_are() -> None:
    api = load(MAIN.replace("apis/*.yaml", "[]") + SHOP).configuration.apis["shop"]
    assert api.versions["v1"].spec == "specs/shop.yaml"


def test_mistakes_are_told_of_the_file_they_are_in() -> None:
    files = {
        "apis/shop.yaml": SHOP.replace("hosts: [api.shop.example]", "hosts: [API.shop.example]"),
        "apis/billing.yaml": BILLING.replace("[partners]", "[partner]"),
    }
    main = MAIN.replace("127.0.0.1:8080", "0.0.0.0:8080")
    assert [told.partition(" (")[0] for told in complaints(main, files)] == [
        'apis/billing.yaml:5:20: error: apis.billing.authenticate[0]: there is no identity "partner"',
        'apis/shop.yaml:3:13: error: apis.shop.hosts[0]: "API.shop.example" is not a host name',
        "conf/p.yaml:2:12: error: listeners.public.bind: plain HTTP is served on loopback only",
    ]


def test_what_is_found_later_is_told_of_the_right_file() -> None:
    loaded = load()
    assert str(loaded.diagnostic(("apis", "shop", "versions", "v1", "spec"), "m")).startswith("apis/shop.yaml:6:21:")
    assert str(loaded.diagnostic(("listeners", "public"), "m")).startswith("conf/p.yaml:2:3:")
    assert loaded.sources.of(("apis",)) == "apis/billing.yaml"
    assert loaded.locate(("apis",)) == (1, 1)


def test_a_name_that_two_files_give_is_an_error_that_names_both_places() -> None:
    assert complaints(MAIN, {**FILES, "apis/third.yaml": SHOP}) == [
        'apis/third.yaml:2:3: error: apis.shop: "shop" is given twice (first at conf/apis/shop.yaml:2:3: keep one)'
    ]
    assert complaints(MAIN + SHOP) == [
        'apis/shop.yaml:2:3: error: apis.shop: "shop" is given twice (first at conf/p.yaml:7:3: keep one)'
    ]


def test_a_name_given_twice_in_one_included_file_is_told_as_ever() -> None:
    (told,) = complaints(MAIN, {"apis/shop.yaml": SHOP + SHOP.replace("apis:\n", "")})
    assert (
        told
        == 'apis/shop.yaml:7:3: error: apis.shop: "shop" is given twice (first at line 2, column 3: keep one of them)'
    )


@rows(
    ("text", "told"),
    [
        ("include: more.yaml\n", "apis/x.yaml:1:1: error: include: an included file can't include others"),
        ("state: {}\n", 'apis/x.yaml:1:1: error: state: "state" can\'t stand in an included file (it belongs into '),
        ("apsi: {}\n", 'apis/x.yaml:1:1: error: apsi: unknown key "apsi" (did you mean "apis"?'),
        ("plans:\n", "apis/x.yaml:1:1: error: plans: has no value"),
        ("plans: [gold]\n", "apis/x.yaml:1:1: error: plans: expected a mapping by name, found a list"),
        ("plans: gold\n", 'apis/x.yaml:1:1: error: plans: expected a mapping by name, found "gold"'),
        ("", "apis/x.yaml:1:1: error: the file is empty (it needs apis)"),
        ("- a\n", "apis/x.yaml:1:1: error: the file must be a mapping (its first line is a key such as apis:)"),
        ("a: [\n", "apis/x.yaml:2:1: error: this is not YAML"),
        ("\0", "apis/x.yaml:1:1: error: character U+0000 does not belong in text"),
    ],
)
def test_what_an_included_file_may_not_hold(text: str, told: str) -> None:
    found = complaints(MAIN, {**FILES, "apis/x.yaml": text})
    assert len(found) == 1
    assert found[0].startswith(told)


@rows(
    ("globs", "told"),
    [
        ("/etc/*.yaml", '10: error: include: "/etc/*.yaml" is not a glob (files are included from below the folder'),
        ("[a.yaml, ../b.yaml]", '19: error: include[1]: "../b.yaml" is not a glob (files are included from below'),
        ("a//b.yaml", '10: error: include: "a//b.yaml" is not a glob (a path without . and empty segments'),
        ("apis/**", '10: error: include: "apis/**" is not a glob (** stands for any number of folders'),
        ("apis/a**/b.yaml", '10: error: include: "apis/a**/b.yaml" is not a glob (** stands for any number'),
        ('""', '10: error: include: "" is not a glob'),
        ("5", "10: error: include: expected a glob, found 5"),
        ("{a: b}", "10: error: include: expected a glob, found a mapping"),
        ("", "9: error: include: expected a glob, found nothing"),
        ("[[a]]", "11: error: include[0]: expected a glob, found a list"),
        ("apis/none.yaml", "10: error: include: there is no file apis/none.yaml"),
        ("[apsi/*.yaml]", "11: error: include[0]: there is no folder apsi"),
        ("[apis/a.yaml, apsi/*.yaml]", "11: error: include[0]: there is no file apis/a.yaml"),
        ("p.yaml", "10: error: include: the file includes itself"),
    ],
)
def test_globs_that_can_not_be_meant_are_errors_at_their_place(globs: str, told: str) -> None:
    found = complaints(MAIN.replace("apis/*.yaml", globs), {**FILES, "p.yaml": MAIN})
    assert found[0].startswith(f"conf/p.yaml:5:{told}")


def test_every_glob_that_names_nothing_is_told() -> None:
    assert len(complaints(MAIN.replace("apis/*.yaml", "[a.yaml, b/*.yaml, apis/*.yaml]"))) == 2


def test_a_wildcard_that_matches_nothing_yet_is_warned_of() -> None:
    main = MAIN.replace("apis/*.yaml", "[apis/*.yaml, apis/*.yml]")
    assert complaints(main) == [
        "conf/p.yaml:5:24: warning: include[1]: no file matches apis/*.yml (nothing is included by it)"
    ]


def test_a_wildcard_does_not_include_the_file_itself() -> None:
    loaded = load(MAIN.replace("apis/*.yaml", '"*.yaml"'), {"p.yaml": MAIN, "shop.yaml": SHOP})
    assert list(loaded.configuration.apis) == ["shop"]
    assert loaded.configuration.apis["shop"].versions["v1"].spec == "specs/shop.yaml"


LEADS_OUT = "a link leads it out of the folder"
ONLY_BELOW = "only files below the folder of this one can be"


class Broken(FakeFiles):
    def read(self, path: str) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    def matching(self, glob: str) -> list[str]:
        if glob == "far/*.yaml":
            raise OSError(errno.EXDEV, LEADS_OUT, "far/away.yaml")
        return super().matching(glob)


def test_files_that_can_not_be_read_are_told_where_they_are_included() -> None:
    main = MAIN.replace("apis/*.yaml", "[apis/shop.yaml, far/*.yaml]")
    with pytest.raises(ConfigurationError) as caught:
        load_configuration(main, "p.yaml", Broken(FILES))
    assert list(map(str, caught.value.diagnostics)) == [
        "p.yaml:5:11: error: include[0]: apis/shop.yaml can't be read: Permission denied",
        f"p.yaml:5:27: error: include[1]: far/away.yaml can't be included: {LEADS_OUT} ({ONLY_BELOW})",
    ]


def test_text_without_files_can_not_include_any() -> None:
    with pytest.raises(ConfigurationError, match="other files can't be read here"):
        load_configuration(MAIN, "p.yaml")


def test_a_section_of_another_kind_is_told_once() -> None:
    (told,) = complaints(MAIN + "apis: [1]\n")
    assert told.startswith("conf/p.yaml:6:1: error: apis: expected a mapping")


def test_sections_that_share_an_alias_stay_apart() -> None:
    main = MAIN + "plans: &none {}\nroles: *none\n"
    loaded = load(main, {**FILES, "apis/x.yaml": "roles: {clerk: [a]}\n"})
    assert loaded.configuration.plans == {}
    assert list(loaded.configuration.roles) == ["clerk"]


def test_the_number_of_files_and_values_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(include_module, "MAX_FILES", 1)
    assert complaints() == [
        "conf/p.yaml:5:10: error: include: more than 1 files are included (are these the right globs?)"
    ]
    monkeypatch.setattr(include_module, "MAX_FILES", 2)
    monkeypatch.setattr(include_module, "MAX_NODES", 30)
    assert complaints() == [
        "conf/p.yaml:5:10: error: include: the files together have more than 30 values (are these the right globs?)"
    ]


@pytest.mark.slow
def test_an_estate_of_300_files_is_read_in_seconds() -> None:
    files = {f"apis/api-{number:03}.yaml": SHOP.replace("shop", f"api-{number:03}") for number in range(300)}
    began = time.process_time()
    loaded = load(MAIN, files)
    assert time.process_time() - began < 5
    assert len(loaded.configuration.apis) == 300
    assert loaded.sources.of(("apis", "api-299", "hosts")) == "apis/api-299.yaml"
