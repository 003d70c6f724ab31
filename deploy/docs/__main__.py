"""``python -m deploy.docs stage FOLDER`` gathers the pages; ``... reference`` writes those made of the code."""

from __future__ import annotations

import argparse
from pathlib import Path

from deploy.docs.reference import REFERENCE, folder
from deploy.docs.stage import stage


def main() -> None:
    """One of both."""
    parser = argparse.ArgumentParser(prog="python -m deploy.docs")
    commands = parser.add_subparsers(dest="command", required=True)
    staging = commands.add_parser("stage", help="gather the pages of the site")
    staging.add_argument("into", type=Path)
    staging.add_argument("--repository", default="", help="where files that are no pages can be read, a URL")
    commands.add_parser("reference", help="write the pages that are made of the code")
    given = parser.parse_args()
    if given.command == "stage":
        stage(given.into, given.repository.rstrip("/"))
        return
    for name, render in REFERENCE.items():
        (folder() / name).write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
