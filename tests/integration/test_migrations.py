"""Migrations: they make what the models say, and each goes down and up again."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlmodel import SQLModel

import app.store.tables  # noqa: F401 - fills the metadata
import migrations
from app.store.database import make_engine
from app.store.migrate import SchemaOutdated, config, downgrade, make_revision, migrate, require_newest

FOLDER = Path(migrations.__file__).parent


async def test_the_migrations_make_exactly_what_the_models_say(database_url: str) -> None:
    engine = make_engine(database_url, pool_size=1)
    async with engine.connect() as connection:
        found = await connection.run_sync(
            lambda sync: compare_metadata(
                MigrationContext.configure(sync, opts={"compare_type": True}), SQLModel.metadata
            )
        )
    await engine.dispose()
    assert found == []


async def test_the_checks_of_the_models_are_in_the_database(database_url: str) -> None:
    engine = make_engine(database_url, pool_size=1)
    async with engine.connect() as connection:
        names = set(
            (await connection.execute(sa.text("SELECT conname FROM pg_constraint WHERE contype = 'c'"))).scalars()
        )
    await engine.dispose()
    wanted = {
        f"ck_{table.name}_{constraint.name}" if not str(constraint.name).startswith("ck_") else str(constraint.name)
        for table in SQLModel.metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, sa.CheckConstraint)
    }
    assert wanted
    assert wanted <= names


async def test_every_migration_goes_down_and_up_again(database_url: str) -> None:
    engine = make_engine(database_url, pool_size=1)
    async with engine.connect() as connection:
        revisions = await connection.run_sync(
            lambda sync: [one.revision for one in ScriptDirectory.from_config(config(sync)).walk_revisions()]
        )
    for revision in revisions:
        await downgrade(engine, target=f"{revision}-1" if revision != revisions[-1] else "base")
    async with engine.connect() as connection:
        left = (
            await connection.execute(sa.text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"))
        ).scalar_one()
    assert left == 1  # Alembic's own
    await migrate(engine)
    await require_newest(engine)
    await engine.dispose()


async def test_a_program_refuses_a_schema_it_was_not_written_for(database_url: str) -> None:
    engine = make_engine(database_url, pool_size=1)
    await require_newest(engine)
    async with engine.begin() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))
    with pytest.raises(SchemaOutdated, match=r"revision 0000.*cyberticket migrate"):
        await require_newest(engine)
    async with engine.begin() as connection:
        await connection.execute(sa.text("DELETE FROM alembic_version"))
    with pytest.raises(SchemaOutdated, match="no schema yet"):
        await require_newest(engine)
    await engine.dispose()


async def test_a_new_migration_is_written_from_the_models(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "versions").mkdir()
    for name in ("env.py", "script.py.mako", "__init__.py"):
        (tmp_path / name).write_text((FOLDER / name).read_text())
    monkeypatch.setattr(migrations, "__file__", str(tmp_path / "__init__.py"))
    engine = make_engine(database_url, pool_size=1)
    async with engine.begin() as connection:
        await connection.execute(sa.text("DELETE FROM alembic_version"))
        await connection.execute(sa.text("ALTER TABLE gate DROP COLUMN created_at"))
    await make_revision(engine, "9999 gates know when they were made")
    await engine.dispose()
    (written,) = (tmp_path / "versions").glob("*.py")
    assert "add_column('gate'" in written.read_text()
    assert "SET LOCAL lock_timeout" in written.read_text()


@pytest.mark.parametrize("file", [FOLDER / "script.py.mako", *sorted((FOLDER / "versions").glob("*.py"))])
def test_every_migration_gives_up_on_a_lock_before_sales_pile_up(file: Path) -> None:
    assert file.read_text().count("SET LOCAL lock_timeout = '5s'") == 2
