"""What guides of the documentation show is taken by the program."""

import re
from pathlib import Path

from support.operator_cli import Operator
from support.repository import ROOT


def test_the_declarations_of_the_concepts_are_applied(operator: Operator, tmp_path: Path) -> None:
    page = (ROOT / "deploy/docs/concepts/identity.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    for name in re.findall(r"/run/secrets/(\w+)", shown):
        (tmp_path / name).write_text(f"{name}-of-one-test-run-and-of-no-other", encoding="utf-8")
    file = tmp_path / "file.yaml"
    file.write_text(shown.replace("/run/secrets", str(tmp_path)), encoding="utf-8")

    operator.succeed("client", "apply", "--file", str(file), "--yes")

    assert operator.json("client", "get", "grafana")["allowed_groups"] == ["staff"]
    assert operator.json("user", "get", "ada")["email"] == "ada@example.com"


def test_the_line_for_users_of_hydra_is_imported(operator: Operator) -> None:
    page = (ROOT / "deploy/docs/how-to/migration.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    salt_and_hash = "abcdefghijklmnopqrstuuO5rGwhgWg0jGqFJo2cCuRp3UHZHzIZu"

    operator.succeed("user", "import", "-", stdin=shown.replace("$2a$12$...", f"$2a$12${salt_and_hash}"))

    assert operator.json("user", "get", "ada")["subject"] == "4f3c..."
