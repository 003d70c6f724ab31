"""What is inside the images, and how they behave as containers with nothing but what they are given."""

import json
import re
import tarfile

import pytest

from support.containers import HARDENED, ROOMS, SERVERS, docker, image_of, inspect, python_in, why_no_engine
from support.image_files import layer_files

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(300),
    pytest.mark.skipif(bool(why_no_engine()), reason=why_no_engine()),
]

IMAGES = list(ROOMS)
NOT_FOR_RUNNING = re.compile(
    r"/(?:pip|setuptools|wheel|pkg_resources|ensurepip|_pytest|pytest|hypothesis)(?:/|-\d|$)"
    r"|/bin/(?:pip[\d.]*|gcc|g\+\+|cc|c\+\+|clang|ld|as|make|uv|git)(?:-\d+)?$"
    r"|/site-packages/(?:.*/)?tests?/"
    r"|/include/python[\d.]+/"
)
WHAT_IT_IMPORTS = """
import importlib, json, pkgutil, valetkey
print(json.dumps([importlib.import_module(f"valetkey.{each.name}") and each.name
                  for each in pkgutil.iter_modules(valetkey.__path__)]))
"""
# The mailer serves the operators only.
PORTS = {image: {"8080/tcp", "9090/tcp"} if image in SERVERS else set() for image in IMAGES} | {"mailer": {"9090/tcp"}}
NOT_COMPILED = """
import importlib.util, pathlib, sysconfig
for name in ("purelib", "stdlib"):
    for path in pathlib.Path(sysconfig.get_path(name)).rglob("*.py"):
        if not pathlib.Path(importlib.util.cache_from_source(path)).exists():
            print(path)
"""


@pytest.fixture(scope="module", params=IMAGES)
def files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tarfile.TarInfo]:
    return layer_files(request.param, tmp_path_factory.mktemp("image"))


def test_no_layer_holds_tests_compilers_or_installers(files: dict[str, tarfile.TarInfo]) -> None:
    assert "/opt/valetkey/bin/entrypoint" in files
    assert not [path for path in files if NOT_FOR_RUNNING.search(path)]


def test_no_file_raises_privileges_or_belongs_to_the_user_that_runs_it(files: dict[str, tarfile.TarInfo]) -> None:
    assert not [path for path, file in files.items() if file.isfile() and file.mode & 0o6000]
    assert not [path for path, file in files.items() if file.uid == 65532 or file.gid == 65532]
    assert not [
        path for path, file in files.items() if path.startswith("/opt/") and file.mode & 0o022 and not file.issym()
    ]


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_holds_its_own_rooms_and_no_other(image: str) -> None:
    rooms = json.loads(python_in(image, WHAT_IT_IMPORTS))

    assert len(rooms) == len(ROOMS[image])
    assert set(rooms) == ROOMS[image]


@pytest.mark.parametrize("image", IMAGES)
def test_everything_is_compiled_because_nothing_can_be_written_later(image: str) -> None:
    assert python_in(image, NOT_COMPILED).split() == []


@pytest.mark.parametrize("image", IMAGES)
def test_it_runs_as_an_unprivileged_user_and_says_what_it_is(image: str) -> None:
    config = inspect(image_of(image))["Config"]

    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in config["Labels"].items()}
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["/opt/valetkey/bin/entrypoint"]
    assert set(config.get("ExposedPorts") or ()) == PORTS[image]
    assert bool(config.get("Healthcheck")) == bool(PORTS[image])
    assert re.fullmatch(r"\d+\.\d+\.\d+", labels["version"])
    # A source archive knows of no revision.
    assert re.fullmatch(r"[0-9a-f]{40}(-modified)?|unknown", labels["revision"])
    assert labels["licenses"] == "Apache-2.0"
    assert (
        python_in(image, "import os; print(os.getuid(), os.getgid(), os.getgroups())").strip() == "65532 65532 [65532]"
    )


@pytest.mark.parametrize("image", IMAGES)
def test_its_history_and_variables_tell_no_secret_and_no_address(image: str) -> None:
    history = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", image_of(image)).stdout
    variables = "\n".join(inspect(image_of(image))["Config"]["Env"])

    assert not re.findall(r"https?://|index.url|proxy|password|secret|token=|_KEYS", history + variables, re.IGNORECASE)


@pytest.mark.requirement("operations: read-only root, no capabilities, exits 78 with every problem at once")
@pytest.mark.parametrize("image", [*SERVERS, "key_rotation"])
def test_without_settings_it_lists_everything_that_is_missing_and_exits_with_78(image: str) -> None:
    ran = docker("run", "--rm", *HARDENED, "--env", "VALETKEY_PORT=x", image_of(image), check=False)

    assert ran.returncode == 78
    assert "VALETKEY_POSTGRES_DSN is missing" in ran.stderr
    assert "VALETKEY_PORT" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_command_line_runs_from_a_read_only_root() -> None:
    ran = docker("run", "--rm", *HARDENED, image_of("cli"), "--version")

    assert re.fullmatch(r"valetkey \d+\.\d+\.\d+\n", ran.stdout)
