"""An operator who upgrades finds what to do, for every release."""

import re

import yaml

from support.chart import CHART
from support.repository import ROOT
from valetkey.runtime.settings.reader import table
from valetkey.runtime.settings.settings import Settings
from valetkey.storage.postgres.schema.version import SCHEMA_VERSION

PAGE = (CHART / "UPGRADING.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## To release (\S+)\n\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def released() -> list[str]:
    """Every release in the changelog, the newest first."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    return re.findall(r"^## \[(\d+\.\d+\.\d+)\]", text, re.MULTILINE)


def coming() -> str:
    return str(yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))["version"])


def test_every_release_and_the_coming_one_has_its_section_the_newest_first() -> None:
    assert list(SECTIONS) == list(dict.fromkeys([coming(), *released()]))


def test_a_section_says_what_to_do_or_that_there_is_nothing() -> None:
    assert all(re.search(r"^- ", text, re.MULTILINE) or text.startswith("Nothing to do") for text in SECTIONS.values())


def test_values_that_it_names_are_in_the_chart() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    named = set(re.findall(r"`([a-z]\w+(?:\.\w+)+)(?:: [\w-]+)?`", PAGE)) - {"consent.html", "error.html", "login.html"}

    def known(path: str) -> bool:
        node = values
        for name in path.split("."):
            if name not in node:
                return False
            node = node[name]
        return True

    assert len(named) > 5
    assert not [path for path in named if not known(path)]


def test_the_coming_release_names_the_last_migration() -> None:
    assert f"to {SCHEMA_VERSION} run in the Job" in SECTIONS[coming()]


def test_a_setting_that_is_to_be_removed_is_none() -> None:
    (gone,) = re.findall(r"`settings` has\n? *`(\w+)`, remove it", PAGE)

    assert gone not in table(Settings)


def test_every_page_that_it_leads_to_exists() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)", PAGE)

    assert links
    assert not [link for link in links if not (CHART / link).exists()]
