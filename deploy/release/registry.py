"""Pushes to a registry what a release has in one: an image of each service, and the chart."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deploy.release.git import git
from deploy.release.images import SERVICES, Images, image_name
from deploy.release.refusal import Refusal
from deploy.release.source import export
from deploy.release.version import Version

PLATFORMS = ("linux/amd64", "linux/arm64")
_ENGINE = os.environ.get("DOCKER", "docker")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MACHINES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
# What fails on an engine without emulation. Some engines take a base image of another platform without a word.
_PROBE = 'ARG PYTHON_IMAGE\nFROM ${{PYTHON_IMAGE}}\nRUN test "$(uname -m)" = {machine} && python3 --version\n'
_DOCKERFILE = Path(__file__).parents[1] / "docker/Dockerfile"


def push_images(root: Path, registry: str, version: Version, platforms: Sequence[str]) -> Images:
    """Build the images of the commit for each platform that this engine can build, and push an index of each image.

    Says which platforms are left out. Raises ``Refusal`` if none is left.
    """
    own = _own_platform()
    # The own one comes last: an engine keeps one base image of a name, that of the platform which was built last.
    ordered = sorted(platforms, key=lambda platform: platform == own)
    possible = [platform for platform in ordered if platform == own or _is_possible(platform)]
    if not possible:
        raise Refusal("no image can be built here")
    with tempfile.TemporaryDirectory() as directory:
        export(root, "HEAD", Path(directory))
        for platform in possible:
            _build(root, Path(directory), f"{version}-{_architecture(platform)}", platform)
    tags = [f"{version}-{_architecture(platform)}" for platform in possible]
    return Images(registry, {each: _push_index(f"{registry}/{image_name(each)}", version, tags) for each in SERVICES})


def push_chart(archive: Path, registry: str) -> str:
    """Push the chart; its name with its digest, which is what is signed and verified."""
    charts = f"{registry}/charts"
    helm = Path(sys.executable).parent / "helm"
    said = _run(str(helm), "push", *_plain_http(registry, "--plain-http"), str(archive), f"oci://{charts}")
    return f"{charts}/valetkey@{_last_digest(said)}"


def python_image() -> str:
    """What images stand on: ``PYTHON_IMAGE``, or what the Dockerfile names."""
    named = re.search(r"^ARG PYTHON_IMAGE=(\S+)$", _DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE)
    return os.environ.get("PYTHON_IMAGE") or (named[1] if named else "")


def _is_possible(platform: str) -> bool:
    if platform not in _MACHINES:
        raise Refusal(f"{platform} is none of {', '.join(PLATFORMS)}")
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "Dockerfile").write_text(_PROBE.format(machine=_MACHINES[platform]), encoding="utf-8")
        command = [
            _ENGINE,
            "build",
            "--force-rm",
            "--platform",
            platform,
            "--build-arg",
            f"PYTHON_IMAGE={python_image()}",
            directory,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1]
        sys.stdout.write(f"NOT BUILT for {platform}, which this engine cannot run: {reason}\n")
    return not done.returncode


def _own_platform() -> str:
    return _run(_ENGINE, "version", "--format", "{{.Server.Os}}/{{.Server.Arch}}").strip()


def _build(root: Path, source: Path, tag: str, platform: str) -> None:
    flags = f"{os.environ.get('BUILD_FLAGS', '--network host')} --platform {platform}"
    environment = {
        **os.environ,
        "TAG": tag,
        "BUILD_FLAGS": flags,
        "REVISION": git(root, "rev-parse", "HEAD"),
        "SOURCE_DATE_EPOCH": git(root, "log", "-1", "--format=%ct"),
    }
    built = subprocess.run([source / "deploy/docker/build_images.sh"], env=environment, check=False)
    if built.returncode:
        raise Refusal(f"the images for {platform} could not be built: see above")


def _push_index(name: str, version: Version, tags: Sequence[str]) -> str:
    """An index also where there is one platform: on another, an engine then says that there is no image for it."""
    local = name.rpartition("/")[2]
    images = []
    for tag in tags:
        _run(_ENGINE, "tag", f"{local}:{tag}", f"{name}:{tag}")
        images.append(f"{name}@{_last_digest(_run(_ENGINE, 'push', f'{name}:{tag}'))}")
    insecure = _plain_http(name, "--insecure")
    _run(_ENGINE, "manifest", "create", *insecure, "--amend", f"{name}:{version}", *images)
    return _last_digest(_run(_ENGINE, "manifest", "push", *insecure, "--purge", f"{name}:{version}"))


def _architecture(platform: str) -> str:
    return platform.partition("/")[2]


def _plain_http(registry: str, option: str) -> list[str]:
    """A registry on this machine needs no TLS. Engines have the same rule."""
    return [option] if re.match(r"(?:localhost|127\.[\d.]+|\[::1\])(?::\d+)?/", f"{registry}/") else []


def _last_digest(said: str) -> str:
    found = _DIGEST.findall(said)
    if not found:
        raise Refusal(f"the registry named no digest: {said.strip()}")
    return str(found[-1])


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    except FileNotFoundError:
        raise Refusal(f"there is no program {command[0]}") from None
    if done.returncode:
        raise Refusal(f"{' '.join(command)}: {done.stdout.strip()}")
    return done.stdout
