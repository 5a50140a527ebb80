"""Erased customers, and which database this is; SQL in the files beside this one."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    sql = Path(__file__).with_name(f"0005_{dialect}.sql").read_text(encoding="utf-8")
    for statement in sql.split(";\n"):
        if statement.strip():
            op.execute(statement)
