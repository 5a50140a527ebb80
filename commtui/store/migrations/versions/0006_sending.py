"""Sending: providers' quotas and breakers, workers' deaths, bulk sends' delay; SQL in the files beside this one."""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    sql = Path(__file__).with_name(f"0006_{dialect}.sql").read_text(encoding="utf-8")
    for statement in sql.split(";\n"):
        if statement.strip():
            op.execute(statement)
