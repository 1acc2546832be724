from __future__ import annotations

import importlib.resources
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

from portcullis.stores.database.migrate import SCRIPTS


def test_alembic_finds_one_line_of_migrations_in_the_package() -> None:
    config = Config()
    config.set_main_option("script_location", SCRIPTS)
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    assert len(scripts.get_heads()) == 1
    folder = importlib.resources.files("portcullis.stores.database.migrations.versions")
    modules = {name for path in folder.iterdir() if (name := Path(str(path)).name).startswith("r")}
    assert {Path(str(revision.path)).name for revision in scripts.walk_revisions()} == modules
