"""Alerts judge a service of several workers as they judge one process, whose series they then find more than once."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.alert_rules import ALERTS
from support.promtool import promtool

TESTS = sorted((ALERTS / "tests").glob("*.yaml"))
_OF_PROMETHEUS = ("up{",)
_COUNTED = ("_total{", "_count{", "_bucket{", "_sum{")


def of_workers(series: dict[str, str]) -> list[dict[str, str]]:
    """The same from two workers: of what is counted one has all, what is measured both have."""
    name = series["series"]
    if name.startswith(_OF_PROMETHEUS):
        return [series]
    is_counted = any(kind in name for kind in _COUNTED)
    other = "0x10000" if is_counted else series["values"]
    labelled = [name.replace("{", f'{{worker="{slot}", ', 1) for slot in (0, 1)]
    return [{**series, "series": labelled[0]}, {**series, "series": labelled[1], "values": other}]


def test_a_series_is_found_twice() -> None:
    counted = of_workers({"series": 'a_total{pod="p"}', "values": "0+1x10"})
    measured = of_workers({"series": 'b{pod="p"}', "values": "5x10"})

    assert [each["series"] for each in counted] == ['a_total{worker="0", pod="p"}', 'a_total{worker="1", pod="p"}']
    assert [each["values"] for each in counted] == ["0+1x10", "0x10000"]
    assert [each["values"] for each in measured] == ["5x10", "5x10"]


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_alerts_of_several_workers_fire_and_stay_quiet_as_those_of_one(file: Path, tmp_path: Path) -> None:
    text = file.read_text(encoding="utf-8")
    content: dict[str, Any] = yaml.safe_load(text)
    # Here 0x60 is sixty samples of zero, not a number.
    as_text: dict[str, Any] = yaml.load(text, yaml.BaseLoader)  # noqa: S506 - makes nothing but text
    content["rule_files"] = [str((file.parent / each).resolve()) for each in content["rule_files"]]
    for test, written in zip(content["tests"], as_text["tests"], strict=True):
        test["input_series"] = [each for series in written["input_series"] for each in of_workers(series)]
    changed = tmp_path / file.name
    changed.write_text(json.dumps(content), encoding="utf-8")

    tested = promtool("test", "rules", changed)

    assert tested.returncode == 0, tested.stdout + tested.stderr
