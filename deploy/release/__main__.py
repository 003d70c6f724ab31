"""``python -m deploy.release``: prepares a release, builds its files and images, and pushes what belongs in a registry.

``make release`` and ``.github/workflows/release.yaml`` call it; README.md tells how.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from datetime import UTC, date, datetime
from pathlib import Path

from deploy.release import changelog
from deploy.release.artifacts import build, chart_archive
from deploy.release.images import Images
from deploy.release.prepare import commit, prepare
from deploy.release.provenance import images_of
from deploy.release.refusal import Refusal
from deploy.release.registry import PLATFORMS, push_chart, push_images
from deploy.release.source import check_clean
from deploy.release.version import Version
from deploy.release.versioned_files import current_version

ROOT = Path(__file__).resolve().parents[2]
INTO = ROOT / "build" / "release"
# A file for each image, with the option that names its digest.
DIGESTS = ROOT / "build" / "digests"


def main() -> None:
    """Do what the command line says; exit with a sentence if it cannot be done."""
    arguments = _parser().parse_args()
    try:
        arguments.run(arguments)
    except Refusal as refusal:
        sys.exit(f"no release: {refusal}")


def _prepare(arguments: argparse.Namespace) -> None:
    version = Version.parse(arguments.version)
    files = prepare(ROOT, version, arguments.date)
    sys.stdout.writelines(f"wrote {file.relative_to(ROOT)}\n" for file in files)
    build(ROOT, version, INTO, None)
    if arguments.commit:
        commit(ROOT, version, files)
        sys.stdout.write(f"committed and tagged v{version}; push both to publish\n")
    _list_files()


def _build(arguments: argparse.Namespace) -> None:
    images = _images(arguments)
    build(ROOT, _released_version(arguments), INTO, images)
    _list_files()


def _images(arguments: argparse.Namespace) -> Images | None:
    if arguments.like:
        return images_of(arguments.like.read_text(encoding="utf-8"))
    digests = dict(pair.partition("=")[::2] for pair in arguments.digest)
    if bool(arguments.registry) != bool(digests):
        raise Refusal("--registry and --digest belong together")
    return Images(arguments.registry, digests) if digests else None


def _push_images(arguments: argparse.Namespace) -> None:
    images = push_images(ROOT, arguments.registry, _released_version(arguments), arguments.platform or PLATFORMS)
    shutil.rmtree(DIGESTS, ignore_errors=True)
    DIGESTS.mkdir(parents=True)
    for service, digest in images.digests.items():
        (DIGESTS / service).write_text(f"--digest {service}={digest}\n", encoding="utf-8")
    sys.stdout.writelines(f"{name}@{digest}\n" for name, digest in images.references())


def _push_chart(arguments: argparse.Namespace) -> None:
    sys.stdout.write(f"{push_chart(chart_archive(INTO, _released_version(arguments)), arguments.registry)}\n")


def _released_version(arguments: argparse.Namespace) -> Version:
    """The version of the checkout, whose every file is committed and whose changes have a section."""
    check_clean(ROOT)
    version = current_version(ROOT)
    if arguments.version and Version.parse(arguments.version) != version:
        raise Refusal(f"the checkout is {version}, not {arguments.version}")
    changelog.section((ROOT / changelog.FILE).read_text(encoding="utf-8"), version)
    return version


def _list_files() -> None:
    sys.stdout.writelines(f"{file.relative_to(ROOT)}\n" for file in sorted(INTO.iterdir()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.release", description="Make a release.")
    commands = parser.add_subparsers(required=True)
    first = commands.add_parser("prepare", help="set the version, date its changes, build everything")
    first.set_defaults(run=_prepare)
    first.add_argument("version", help="such as 0.3.0")
    first.add_argument("--date", type=date.fromisoformat, default=datetime.now(UTC).date(), help="today unless given")
    first.add_argument("--commit", action="store_true", help="commit and tag")
    checked = argparse.ArgumentParser(add_help=False)
    checked.add_argument("--version", help="refuse unless the checkout is this version")
    second = commands.add_parser("build", parents=[checked], help="build the files of the release that the checkout is")
    second.set_defaults(run=_build)
    second.add_argument("--registry", default="", help="registry of the images, with the path in it")
    second.add_argument("--digest", action="append", default=[], metavar="SERVICE=DIGEST", help="once for each image")
    second.add_argument("--like", type=Path, metavar="PROVENANCE", help="take the images that this statement names")
    third = commands.add_parser("images", parents=[checked], help="build the images and push them")
    third.set_defaults(run=_push_images)
    third.add_argument("registry", help="such as registry.example/team")
    third.add_argument("--platform", action="append", help=f"unless all of {', '.join(PLATFORMS)}; may be repeated")
    fourth = commands.add_parser(
        "chart", parents=[checked], help="push the chart that has been built, print its digest"
    )
    fourth.set_defaults(run=_push_chart)
    fourth.add_argument("registry", help="such as registry.example/team")
    return parser


if __name__ == "__main__":
    main()
