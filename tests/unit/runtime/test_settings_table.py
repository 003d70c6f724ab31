from pathlib import Path

from valetkey.runtime.settings.reader import table, variable
from valetkey.runtime.settings.settings import Settings
from valetkey.runtime.settings.table import render

PAGE = Path(__file__).parents[3] / "services/runtime/SETTINGS.md"


def test_the_page_of_settings_agrees_with_the_code() -> None:
    assert PAGE.read_text() == render(), "run python -m valetkey.runtime.settings.table > services/runtime/SETTINGS.md"


def test_every_setting_is_on_the_page_and_says_what_it_is() -> None:
    page = render()

    for field, row in table(Settings).items():
        assert f"| `{variable(field)}` | {row.doc} |" in page
        assert row.doc.endswith(".")
