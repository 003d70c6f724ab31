"""The site has every page, its links lead somewhere, and pages that are made of the code say what the code says."""

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.docs.links import links, rewritten
from deploy.docs.navigation import pages
from deploy.docs.reference import REFERENCE, folder
from deploy.docs.stage import stage
from support.command_line import find_command
from support.repository import ROOT, repository_files, service_modules, syntax
from valetkey.demo.certificate import make_certificate
from valetkey.runtime.telemetry.audit import AuditEvent, Lines
from valetkey.runtime.telemetry.audit_events import AUDIT_EVENTS, FIELDS

# What they have instead of pages is for the forge.
NO_PAGES = (".github/",)
# Functions that write an event, by the number of the argument that is its type.
WRITERS = {
    **dict.fromkeys(("record_change", "record_recovery", "record_email", "audited", "record", "_emit"), 0),
    "_record": 1,
}
# `create`, `update` and `delete`, as plans and runs of the rotation have them; what links in mails do to an address.
KINDS = {
    "kind": ("create", "update", "delete"),
    "change": ("created", "activated", "retired", "deleted"),
    "done": ("verified", "changed", "reverted"),
}


def text_of(page: Path) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def test_the_navigation_names_every_page_once() -> None:
    there = [path for path in repository_files() if path.suffix == ".md" and not str(path).startswith(NO_PAGES)]

    assert sorted(pages()) == sorted(there)


@pytest.mark.parametrize("page", pages(), ids=str)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    broken = [link.target for link in links(page, text_of(page)) if not (ROOT / link.place).exists()]

    assert not broken


@pytest.mark.parametrize("name", REFERENCE)
def test_a_page_of_the_reference_is_what_the_code_says(name: str) -> None:
    assert (folder() / name).read_text(encoding="utf-8") == REFERENCE[name](), "make docs-reference"


def test_every_page_of_the_reference_is_made_of_the_code() -> None:
    assert {path.name for path in folder().glob("*.md")} == set(REFERENCE)


def test_the_table_of_audit_events_has_every_event_that_is_written() -> None:
    written = {event for path in service_modules() for event in events_in(syntax(path))}

    assert {row.type for row in AUDIT_EVENTS} == written
    assert len(AUDIT_EVENTS) == len(written)


def test_the_table_of_fields_has_those_of_a_line() -> None:
    full = {name: ("x",) if name == "amr" else "x" for name in AuditEvent.__slots__}

    line = Lines("test", None).format(AuditEvent(**full))  # type: ignore[arg-type]

    assert list(FIELDS) == sorted({*re.findall(r'"(\w+)":', line), "trace_id"}, key=list(FIELDS).index)


def test_what_is_no_page_is_no_link_on_the_site_unless_the_repository_is_known(tmp_path: Path) -> None:
    page = Path("deploy/docs/README.md")

    stage(tmp_path / "alone")
    stage(tmp_path / "with", "https://git.example/tree")

    assert "[`stage.py`](stage.py)" in text_of(page)
    assert "[`stage.py`]" not in (tmp_path / "alone" / page).read_text(encoding="utf-8")
    assert "[`stage.py`](https://git.example/tree/deploy/docs/stage.py)" in (tmp_path / "with" / page).read_text(
        encoding="utf-8"
    )
    assert (tmp_path / "alone" / "deploy/docs/pictures/keys.svg").exists()


@pytest.mark.parametrize(
    "text",
    [
        "`[no](link.md)`",
        "```\n[no](link.md)\n```",
        "~~~ yaml\n[no](link.md)\n~~~",
        "[elsewhere](https://example.com/)",
        "[here](#part)",
        "`` a ` [no](link.md) ``",
    ],
)
def test_code_and_foreign_links_stay_as_they_are(text: str) -> None:
    assert rewritten(Path("a/b.md"), text, lambda _link: "changed") == text


@pytest.mark.parametrize(
    ("text", "place", "fragment"),
    [
        ("[x](c.md)", "a/c.md", ""),
        ("[x](../c.md#part)", "c.md", "#part"),
        ("[`x`](c)", "a/c", ""),
        ("![x](../c.svg)", "c.svg", ""),
        ("`code` and [x](c.md) and `code`", "a/c.md", ""),
    ],
)
def test_a_link_leads_to_a_place_in_the_repository(text: str, place: str, fragment: str) -> None:
    (link,) = links(Path("a/b.md"), text)

    assert (link.place, link.fragment) == (Path(place), fragment)


@pytest.mark.parametrize("page", [page for page in pages() if page.is_relative_to("deploy/docs")], ids=str)
def test_every_command_of_a_guide_exists(page: Path) -> None:
    code = re.findall(r"```\w*\n(.*?)```|`([^`\n]+)`", text_of(page), re.DOTALL)
    lines = [line.strip() for block in code for line in "".join(block).splitlines()]
    typed = [match[1] for line in lines if (match := re.search(r"(?:^|\$ |-- |\| |&& )valetkey ([a-z][^|&]*)", line))]

    for command in typed:
        words = command.split()
        found, used = find_command(words)
        options = {word.split("=")[0] for word in words if word.startswith("--")} - {"--help"}

        assert used, command
        assert options <= {name for each in found.params for name in (*each.opts, *each.secondary_opts)}, command


def test_nginx_takes_the_configuration_of_the_guide(tmp_path: Path) -> None:
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")
    if program is None:
        pytest.skip("there is no nginx")
    (shown,) = re.findall(r"```nginx\n(.*?)```", text_of(Path("deploy/docs/how-to/tls-with-nginx.md")), re.DOTALL)
    certificate = tmp_path / "certificate.pem"
    shown = re.sub(r"/etc/letsencrypt\S+privkey\.pem", str(make_certificate(certificate)), shown)
    shown = re.sub(r"/etc/letsencrypt\S+fullchain\.pem", str(certificate), shown)
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\n{shown}\n}}\n", encoding="utf-8")

    run = subprocess.run(
        [program, "-t", "-q", "-p", tmp_path, "-e", "stderr", "-c", configuration],
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr


def events_in(module: ast.Module) -> Iterator[str]:
    """The types of audit events that a module writes."""
    for node in ast.walk(module):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        given = [each.value for each in node.keywords if each.arg == "type"] if name == "AuditEvent" else []
        position = WRITERS.get(name)
        if position is not None:
            given = node.args[position : position + 1]
        for each in given:
            yield from types_of(each)


def types_of(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)) if re.fullmatch(r"[a-z_.]+", text):
            yield text
        case ast.JoinedStr(values=[ast.Constant(value=str(start)), ast.FormattedValue(value=value), *end]):
            kind = value.attr if isinstance(value, ast.Attribute) else getattr(value, "id", "")
            tail = "".join(str(each.value) for each in end if isinstance(each, ast.Constant))
            yield from (f"{start}{each}{tail}" for each in KINDS[kind])
