"""deploy/kind/up.sh, with programs in the place of kind and docker that only note what they are told."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from support.repository import ROOT

KIND = ROOT / "deploy" / "kind"
NEEDED = ("docker", "kind", "kubectl", "helm")
SKAFFOLD = yaml.safe_load((ROOT / "skaffold.yaml").read_text("utf-8"))
# Skaffold installs the demo, in which each service is a component; a cluster of kind may have any mode.
IMAGES = [*(each["image"] for each in SKAFFOLD["build"]["artifacts"]), "valetkey-mailer", "valetkey-compact"]


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine with some programs. ``kind get clusters`` names the clusters that are there."""

    directory: Path

    def install(self, *programs: str, clusters: tuple[str, ...] = ()) -> "Machine":
        for program in programs:
            file = self.directory / program
            listed = "\n".join(f"echo {cluster}" for cluster in clusters)
            file.write_text(
                f'#!/bin/sh\n[ "$1 $2" = "get clusters" ] && {{ :\n{listed}\nexit; }}\n{self.note(program)}\n'
            )
            file.chmod(0o755)
        return self

    def note(self, program: str) -> str:
        return f'echo "{program} $*" >> {self.directory}/told'

    def up(self, **variables: str) -> "subprocess.CompletedProcess[str]":
        for tool in ("grep", "dirname", "sh"):
            if not (self.directory / tool).exists():
                (self.directory / tool).symlink_to(f"/bin/{tool}" if tool != "dirname" else "/usr/bin/dirname")
        return subprocess.run(
            ["/bin/sh", str(KIND / "up.sh")],
            env={"PATH": str(self.directory), **variables},
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    @property
    def told(self) -> list[str]:
        return (self.directory / "told").read_text().splitlines() if (self.directory / "told").exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_cluster_is_made_and_gets_every_image(machine: Machine) -> None:
    run = machine.install(*NEEDED, clusters=("valetkey-of-another-user", "other")).up(TAG="1.2.3")

    assert run.returncode == 0, run.stderr
    assert machine.told[0] == f"kind create cluster --config {KIND}/cluster.yaml --wait 120s"
    assert sorted(machine.told[1:]) == sorted(
        f"kind load docker-image {image}:1.2.3 --name valetkey" for image in IMAGES
    )
    assert "--set image.tag=1.2.3" in run.stdout


def test_a_cluster_that_is_there_is_kept(machine: Machine) -> None:
    run = machine.install(*NEEDED, clusters=("valetkey",)).up()

    assert run.returncode == 0, run.stderr
    assert len(machine.told) == len(IMAGES)
    assert all(":dev --name valetkey" in line for line in machine.told)


@pytest.mark.parametrize("missing", NEEDED)
def test_a_program_that_is_missing_is_named_before_anything_is_done(machine: Machine, missing: str) -> None:
    run = machine.install(*(program for program in NEEDED if program != missing)).up()

    assert run.returncode == os.EX_UNAVAILABLE
    assert f"{missing} is not installed" in run.stderr
    assert machine.told == []


def test_an_image_that_cannot_be_loaded_stops_it(machine: Machine) -> None:
    machine.install(*NEEDED, clusters=("valetkey",))
    (machine.directory / "kind").write_text('#!/bin/sh\n[ "$1" = get ] && echo valetkey || exit 1\n')

    run = machine.up()

    assert run.returncode == 1
    assert "Now:" not in run.stdout


def test_cluster_and_script_agree_on_the_name() -> None:
    cluster = yaml.safe_load((KIND / "cluster.yaml").read_text(encoding="utf-8"))
    script = (KIND / "up.sh").read_text(encoding="utf-8")

    assert (cluster["kind"], cluster["apiVersion"]) == ("Cluster", "kind.x-k8s.io/v1alpha4")
    assert set(re.findall(r"--name (\S+)", script)) == {cluster["name"]}
