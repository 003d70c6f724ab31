"""The chart of a release says what changed, entry by entry, where Artifact Hub looks for it."""

import re

import pytest
import yaml

from deploy.release.chart_changes import with_changes
from deploy.release.refusal import Refusal
from support.chart import CHART

CHANGES = """\
### Added

- `valetkey x`, see [its page](../x.md): "quotes",
  colons and an Å.
- **Loud**.

### Fixed

- One thing.
"""


def test_the_chart_of_a_release_says_what_changed() -> None:
    chart = (CHART / "Chart.yaml").read_text(encoding="utf-8")

    changed = yaml.safe_load(with_changes(chart, CHANGES))

    annotations = changed.pop("annotations")
    assert changed == yaml.safe_load(chart)
    assert annotations["artifacthub.io/containsSecurityUpdates"] == "false"
    assert yaml.safe_load(annotations["artifacthub.io/changes"]) == [
        {"kind": "added", "description": '`valetkey x`, see its page: "quotes", colons and an Å.'},
        {"kind": "added", "description": "Loud."},
        {"kind": "fixed", "description": "One thing."},
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ("### Other\n\n- x\n", "a heading 'Other'"),
        ("First.\n\n### Added\n\n- x\n", "above the first heading: 'First.'"),
    ],
)
def test_changes_that_have_no_kind_are_refused(changes: str, said: str) -> None:
    with pytest.raises(Refusal, match=re.escape(said)):
        with_changes("name: valetkey\n", changes)
