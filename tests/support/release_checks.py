"""What is looked at in the files of a release."""

import hashlib
import json
import re
import subprocess
from pathlib import Path

import yaml

from support.chart import HELM
from support.repository import ROOT, rooms

IMAGES = ("authorize", "token", "introspection", "mailer", "compact", "key_rotation", "cli")
LOCK = ROOT / "deploy/systemd/requirements.lock"


def check_changelog(checkout: Path, current: str) -> None:
    """What was unreleased is what the release says."""
    unreleased = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").partition("## [Unreleased]\n")[2]
    now = (checkout / "CHANGELOG.md").read_text(encoding="utf-8")
    notes = (checkout / "build/release/NOTES.md").read_text(encoding="utf-8")

    assert f"## [Unreleased]\n\n## [7.0.0] - 2031-02-03\n{unreleased}" in now
    assert notes.strip() == re.split(r"^## ", unreleased, maxsplit=1, flags=re.MULTILINE)[0].strip()
    assert current != "7.0.0"


def check_names(files: set[str]) -> None:
    """Every file is there under its name."""
    wheels = {f"valetkey_{'wire' if room.name == 'proto' else room.name}-7.0.0-py3-none-any.whl" for room in rooms()}
    bills = {f"valetkey-{image.replace('_', '-')}-7.0.0.cdx.json" for image in (*IMAGES, "wheels")}
    archives = {"valetkey-7.0.0.tgz", "valetkey-systemd-7.0.0.tgz"}
    others = {"valetkey-7.0.0.provenance.json", "requirements.txt", "NOTES.md", "SHA256SUMS"}

    assert files == wheels | bills | archives | others


def check_sums(files: dict[str, Path]) -> None:
    """Each file has its sum."""
    sums = dict(line.split("  ")[::-1] for line in files["SHA256SUMS"].read_text(encoding="utf-8").splitlines())

    assert sums == {
        name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items() if name != "SHA256SUMS"
    }


def check_requirements(files: dict[str, Path]) -> None:
    """What is installed has hashes, and no address."""
    """Every distribution has a hash, the hashes of ours are those of the wheels, and the others are the lock's."""
    text = files["requirements.txt"].read_text(encoding="utf-8")
    ours = dict(re.findall(r"^(valetkey-[a-z-]+)==7\.0\.0 \\\n    --hash=sha256:([0-9a-f]{64})\n", text, re.MULTILINE))
    locked = re.sub(r"^#.*\n", "", LOCK.read_text(encoding="utf-8"), flags=re.MULTILINE)

    assert text.endswith(locked)
    assert ours == {
        name: hashlib.sha256(files[f"{name.replace('-', '_')}-7.0.0-py3-none-any.whl"].read_bytes()).hexdigest()
        for name in ours
    }
    assert ours.keys() >= {"valetkey-cli", "valetkey-authorize", "valetkey-token", "valetkey-introspection"}
    assert "valetkey-demo" not in ours


def check_provenance(files: dict[str, Path], tree: str) -> None:
    """It says of what it was made."""
    statement = json.loads(files["valetkey-7.0.0.provenance.json"].read_text(encoding="utf-8"))
    definition = statement["predicate"]["buildDefinition"]
    subjects = {subject["name"]: subject["digest"] for subject in statement["subject"]}
    digests = {each["uri"]: each["digest"] for each in definition["resolvedDependencies"]}

    assert (statement["_type"], statement["predicateType"]) == (
        "https://in-toto.io/Statement/v1",
        "https://slsa.dev/provenance/v1",
    )
    assert definition["externalParameters"] == {"version": "7.0.0"}
    assert subjects == {
        name: {"sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
        for name, file in files.items()
        if name not in {"SHA256SUMS", "valetkey-7.0.0.provenance.json"}
    }
    assert digests["git:refs/tags/v7.0.0"] == {"gitTree": tree}
    assert digests["file:deploy/systemd/requirements.lock"] == {"sha256": hashlib.sha256(LOCK.read_bytes()).hexdigest()}


def check_bill_of_materials(file: Path, about: str, lock: Path) -> None:
    """It says what is in it."""
    locked = dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", lock.read_text(encoding="utf-8"), re.MULTILINE))

    text = file.read_text(encoding="utf-8")
    bill = json.loads(text)

    listed = {component["name"]: component["version"] for component in bill["components"]}
    ours = {name for name in listed if name.startswith("valetkey-")}
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == about
    assert bill["metadata"]["component"]["version"] == "7.0.0"
    assert listed["aiohttp"] == locked["aiohttp"]
    assert {name: version for name, version in listed.items() if name not in ours} == locked
    assert ours >= {"valetkey-core", "valetkey-runtime", "valetkey-wire"}
    assert {listed[name] for name in ours} == {"7.0.0"}
    # On an index, a package of this name would be another's.
    origins = [component for component in bill["components"] if component["name"] in ours]
    assert {component["purl"].partition("/")[0] for component in origins} == {"pkg:generic"}
    assert "simple/valetkey" not in text


def check_chart(archive: Path, notes: Path) -> None:
    """It has an entry for each of the notes, the first and the last among them, and Helm reads it."""
    shown = subprocess.run([HELM, "show", "chart", archive], check=True, capture_output=True, text=True).stdout
    entries = yaml.safe_load(yaml.safe_load(shown)["annotations"]["artifacthub.io/changes"])
    of_notes = re.findall(r"^- (\S+)", notes.read_text(encoding="utf-8"), re.MULTILINE)
    assert [entry["description"].split()[0] for entry in entries] == [
        re.sub(r"\*\*|\]\(\S+|^\[", "", word) for word in of_notes
    ]
