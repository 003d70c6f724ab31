"""A release in a real registry: the chart names the images that were pushed, and digests get what was built."""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from deploy.release.images import SERVICES
from deploy.release.provenance import images_of
from support.chart import HELM
from support.container_registry import why_no_registry
from support.containers import HARDENED, docker, inspect, why_no_engine
from support.published_release import PublishedRelease
from support.release_checkout import git
from support.repository import ROOT

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(600),
    pytest.mark.skipif(bool(why_no_engine()), reason=why_no_engine()),
    pytest.mark.skipif(bool(why_no_registry()), reason=why_no_registry()),
]

PLATFORMS = {"linux/amd64", "linux/arm64"}
# The services as three components, with their mailer; and as one.
INSTALLATIONS = {"demo": ("--set", "mail.host=smtp.example,mail.from=id@example.com"), "compact": ()}


def helm(*arguments: str | Path) -> str:
    done = subprocess.run([HELM, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rendered_images(text: str) -> set[str]:
    return {image for image in re.findall(r"image: \"?([^\s\"]+)", text) if "/valetkey-" in image}


def test_an_image_is_an_index_of_the_platforms_that_were_built_and_the_others_are_named(
    published: PublishedRelease,
) -> None:
    not_built = set(re.findall(r"^NOT BUILT for (\S+),", published.said_of_images, re.MULTILINE))

    for name, digest in published.digests.items():
        found, index = published.registry.manifest(f"team/{name}", published.version)
        built = {f"{each['platform']['os']}/{each['platform']['architecture']}" for each in index["manifests"]}
        assert found == digest
        assert built | not_built == PLATFORMS
        assert not built & not_built
    assert len(published.digests) == len(SERVICES)


def test_the_chart_from_the_registry_names_the_images_that_were_pushed(published: PublishedRelease) -> None:
    expected = {f"{published.path}/{name}@{digest}" for name, digest in published.digests.items()}
    chart = f"oci://{published.path}/charts/valetkey"
    options: list[str | Path] = ["--version", published.version, "--plain-http"]

    rendered = ""
    for mode, more in INSTALLATIONS.items():
        values = ROOT / f"helm/valetkey/ci/{mode}-values.yaml"
        rendered += helm("template", "valetkey", chart, *options, "--values", values, *more)

    assert rendered_images(rendered) == expected


def test_the_chart_is_pulled_by_its_digest_and_is_the_file_of_the_release(
    published: PublishedRelease, tmp_path: Path
) -> None:
    name, _, digest = published.chart.partition("@")
    assert published.registry.manifest("team/charts/valetkey", published.version)[0] == digest

    helm("pull", f"oci://{name}@{digest}", "--plain-http", "--destination", tmp_path)

    (pulled,) = tmp_path.iterdir()
    assert pulled.read_bytes() == (published.files / f"valetkey-{published.version}.tgz").read_bytes()
    with tarfile.open(pulled) as archive:
        assert "valetkey/files/dashboards/keys.json" in archive.getnames()


def test_images_are_pulled_by_digest_and_run(published: PublishedRelease) -> None:
    head = git(published.checkout, "rev-parse", "HEAD")
    for name, digest in published.digests.items():
        image = f"{published.path}/{name}@{digest}"
        docker("pull", "--quiet", image)

        labels = inspect(image)["Config"]["Labels"]

        assert labels["org.opencontainers.image.revision"] == head
        assert labels["org.opencontainers.image.version"] == published.version
    ran = docker(
        "run", "--rm", *HARDENED, f"{published.path}/valetkey-cli@{published.digests['valetkey-cli']}", "--version"
    )
    assert ran.stdout == f"valetkey {published.version}\n"


def test_notes_and_provenance_name_what_was_pushed(published: PublishedRelease) -> None:
    notes = (published.files / "NOTES.md").read_text(encoding="utf-8")
    file = published.files / f"valetkey-{published.version}.provenance.json"
    text = file.read_text(encoding="utf-8")
    definition = json.loads(text)["predicate"]["buildDefinition"]
    named = images_of(text)

    assert named is not None
    assert dict(named.references()) == {f"{published.path}/{name}": each for name, each in published.digests.items()}
    assert f"oci://{published.path}/charts/valetkey --version {published.version}" in notes
    for name, digest in published.digests.items():
        assert f"| `{published.path}/{name}:{published.version}` | `{digest}` |" in notes
        assert {"uri": f"oci://{published.path}/{name}@{digest}", "digest": {"sha256": digest[7:]}} in definition[
            "resolvedDependencies"
        ]


def test_sums_are_those_of_the_files(published: PublishedRelease) -> None:
    checked = subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=published.files, check=False)

    names = {line.split()[1] for line in (published.files / "SHA256SUMS").read_text(encoding="utf-8").splitlines()}
    assert checked.returncode == 0
    assert names == {file.name for file in published.files.iterdir()} - {"SHA256SUMS"}
