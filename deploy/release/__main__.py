"""``python -m deploy.release``: prepares a release, or builds the files of the one that the checkout is.

``make release`` and ``.github/workflows/release.yaml`` call it; README.md tells how.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, date, datetime
from pathlib import Path

from deploy.release.artifacts import Images, build
from deploy.release.prepare import commit, prepare
from deploy.release.refusal import Refusal
from deploy.release.version import Version
from deploy.release.versioned_files import current_version

ROOT = Path(__file__).resolve().parents[2]
INTO = ROOT / "build" / "release"


def main() -> None:
    """Do what the command line says; exit with a sentence if it cannot be done."""
    arguments = _parser().parse_args()
    try:
        if arguments.command == "prepare":
            _prepare(Version.parse(arguments.version), arguments.date, is_committed=arguments.commit)
        else:
            _build(Version.parse(arguments.version) if arguments.version else None, _images(arguments))
    except Refusal as refusal:
        sys.exit(f"no release: {refusal}")


def _prepare(version: Version, day: date, *, is_committed: bool) -> None:
    files = prepare(ROOT, version, day)
    sys.stdout.writelines(f"wrote {file.relative_to(ROOT)}\n" for file in files)
    build(ROOT, version, INTO, None)
    if is_committed:
        commit(ROOT, version, files)
        sys.stdout.write(f"committed and tagged v{version}; push both to publish\n")
    _list_files()


def _build(expected: Version | None, images: Images | None) -> None:
    version = current_version(ROOT)
    if expected not in {None, version}:
        raise Refusal(f"the checkout is {version}, not {expected}")
    build(ROOT, version, INTO, images)
    _list_files()


def _list_files() -> None:
    sys.stdout.writelines(f"{file.relative_to(ROOT)}\n" for file in sorted(INTO.iterdir()))


def _images(arguments: argparse.Namespace) -> Images | None:
    digests = dict(pair.partition("=")[::2] for pair in arguments.digest)
    if bool(arguments.registry) != bool(digests):
        raise Refusal("--registry and --digest belong together")
    return Images(arguments.registry, digests) if digests else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.release", description="Make a release.")
    commands = parser.add_subparsers(dest="command", required=True)
    first = commands.add_parser("prepare", help="set the version, date its changes, build everything")
    first.add_argument("version", help="such as 0.3.0")
    first.add_argument("--date", type=date.fromisoformat, default=datetime.now(UTC).date(), help="today unless given")
    first.add_argument("--commit", action="store_true", help="commit and tag")
    second = commands.add_parser("build", help="build the files of the release that the checkout is")
    second.add_argument("--version", help="refuse unless the checkout is this version")
    second.add_argument("--registry", default="", help="registry of the images, with the path in it")
    second.add_argument("--digest", action="append", default=[], metavar="SERVICE=DIGEST", help="once for each image")
    return parser


if __name__ == "__main__":
    main()
