"""skaffold.yaml against the chart and the Dockerfile: every name in it exists there."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from support.chart import CHART
from support.repository import ROOT

SKAFFOLD: dict[str, Any] = yaml.safe_load((ROOT / "skaffold.yaml").read_text(encoding="utf-8"))
(RELEASE,) = SKAFFOLD["deploy"]["helm"]["releases"]
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
PATCHES = [patch for profile in SKAFFOLD["profiles"] for patch in profile["patches"]]
SET = {
    **RELEASE["setValueTemplates"],
    **{k: v for patch in PATCHES if patch["path"].endswith("/setValues") for k, v in patch["value"].items()},
}


def test_it_builds_the_image_of_every_service_from_the_dockerfile() -> None:
    built = {each["image"]: each["docker"]["buildArgs"]["SERVICE"] for each in SKAFFOLD["build"]["artifacts"]}

    locks = {path.stem for path in (ROOT / "deploy/docker/requirements").glob("*.lock")} - {"build"}
    assert built == {f"valetkey-{service.replace('_', '-')}": service for service in locks}
    for artifact in SKAFFOLD["build"]["artifacts"]:
        assert "ARG SERVICE" in (ROOT / artifact["context"] / artifact["docker"]["dockerfile"]).read_text("utf-8")


def test_the_chart_is_given_repository_and_tag_of_every_image() -> None:
    images = [each["image"] for each in SKAFFOLD["build"]["artifacts"]]

    named = re.findall(r"IMAGE_(REPO|TAG)_(\w+)", " ".join(RELEASE["setValueTemplates"].values()))

    assert sorted(named) == sorted((kind, image.replace("-", "_")) for image in images for kind in ("REPO", "TAG"))


@pytest.mark.parametrize("path", sorted(SET))
def test_every_value_that_is_set_is_in_the_schema(path: str) -> None:
    node = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    definitions = node.get("$defs") or node.get("definitions", {})
    for name in path.split("."):
        while "$ref" in node:
            node = definitions[node["$ref"].rpartition("/")[2]]
        known = node.get("properties", {})
        free = node.get("additionalProperties") not in (None, False) or "patternProperties" in node
        assert name in known or free, f"{name} of {path}"
        node = known.get(name, {})


def test_files_and_the_forwarded_port_exist() -> None:
    (forwarded,) = SKAFFOLD["portForward"]

    assert (ROOT / RELEASE["chartPath"] / "Chart.yaml").is_file()
    assert all((ROOT / file).is_file() for file in RELEASE["valuesFiles"])
    assert forwarded["resourceName"] == f"{RELEASE['name']}-front-door"
    assert forwarded["namespace"] == RELEASE["namespace"]
