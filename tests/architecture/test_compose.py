"""deploy/compose.yaml and what it stands on, as far as files tell. tests/system starts it."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.repository import ROOT
from valetkey.core.routes import FALLBACK, SERVICE_OF_SEGMENT
from valetkey.runtime.settings.keys import sealing_key_list
from valetkey.runtime.settings.settings import Service, Settings

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text(encoding="utf-8"))
SERVICES: Mapping[str, dict[str, Any]] = COMPOSE["services"]
NGINX = (ROOT / "deploy/nginx/nginx.conf.template").read_text(encoding="utf-8")
# As which service the settings of each are loaded.
LOADS: Mapping[str, Service] = {
    "authorize": "authorize",
    "token": "token",
    "introspection": "introspection",
    "mailer": "mailer",
    "key-rotation": "key_rotation",
    "first-keys": "key_rotation",
    "migrate": "migrate",
    "operator": "cli",
    "demo-clients": "cli",
    "demo-user": "cli",
}


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("compose") / "secrets"
    subprocess.run([ROOT / "deploy/compose/secrets.sh", directory], check=True)
    return directory


def test_the_front_door_knows_the_routes_of_the_services() -> None:
    entries = re.findall(r'"~\^\(\?:\$\{ISSUER_PATH\}\)\?/\(\?:(.+)\)\(\?:/\|\$\)" \$\{(\w+)\};', NGINX)

    mapped = {segment.replace("\\", ""): name.lower() for segments, name in entries for segment in segments.split("|")}

    assert mapped == {segment: service for segment, service in SERVICE_OF_SEGMENT.items() if service != FALLBACK}
    assert f"default ${{{FALLBACK.upper()}}};" in NGINX


def test_the_front_door_reaches_every_service_with_a_public_route() -> None:
    door = SERVICES["front-door"]
    upstreams = {service: door["environment"][service.upper()] for service in set(SERVICE_OF_SEGMENT.values())}

    assert upstreams == {service: f"{service}:8080" for service in upstreams}
    for service in upstreams:
        assert set(door["networks"]) & set(SERVICES[service]["networks"])


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_container_is_hardened(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "container_name" not in service
    assert not service.get("privileged")


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_only_what_people_look_at_is_published_and_only_on_this_machine(name: str) -> None:
    ports = SERVICES[name].get("ports", [])

    assert bool(ports) == (name in {"front-door", "traces", "prometheus", "grafana"})
    assert all(port.startswith(("127.0.0.1:", "${VALETKEY_BIND:-127.0.0.1}:")) for port in ports)


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_image_can_be_replaced_and_has_a_version(name: str) -> None:
    image = SERVICES[name]["image"]

    assert re.fullmatch(r"\$\{[A-Z_]+_IMAGE:-[a-z0-9./-]+:v?\d[\w.-]*\}", image) or re.fullmatch(
        r"\$\{VALETKEY_IMAGES:-\}valetkey-[a-z-]+:\$\{VALETKEY_TAG:-dev\}", image
    )


@pytest.mark.parametrize("name", sorted(name for name in SERVICES if "valetkey-" in SERVICES[name]["image"]))
def test_the_variables_and_secrets_of_a_container_are_the_settings_of_its_service(name: str, secrets: Path) -> None:
    service = SERVICES[name]
    given = {
        variable: value_of(str(value)).replace("/run/secrets", str(secrets))
        for variable, value in service["environment"].items()
        if variable.startswith("VALETKEY_")
    }

    settings = Settings.load(given, service=LOADS[name])

    read = {value.rpartition("/")[2] for variable, value in given.items() if variable.endswith("_FILE")}
    used = {word.rpartition("/")[2] for word in service.get("command", []) if word.startswith("/run/secrets/")}
    assert settings.postgres_dsn.reveal().startswith("postgresql://valetkey_")
    assert read | used <= set(service["secrets"])
    assert {secret for secret in service["secrets"] if not secret.startswith("demo-")} <= read


def test_every_secret_is_made_once_for_its_owner_and_never_changed(secrets: Path) -> None:
    before = {path.name: path.read_bytes() for path in secrets.iterdir()}
    subprocess.run([ROOT / "deploy/compose/secrets.sh", secrets], check=True)
    after = {path.name: path.read_bytes() for path in secrets.iterdir()}

    assert after == before
    assert set(before) == set(COMPOSE["secrets"])
    assert len(set(before.values())) == len(before)
    assert secrets.stat().st_mode & 0o077 == 0


@pytest.mark.requirement("operations: an upgrade loses no code that is under way")
def test_an_installation_that_knew_no_sealing_keys_gets_one_that_does_not_seal_yet(tmp_path: Path) -> None:
    (tmp_path / "cookie-keys").write_text("of a release before", encoding="utf-8")

    for _ in range(2):
        subprocess.run([ROOT / "deploy/compose/secrets.sh", tmp_path], check=True)

    keys = sealing_key_list.parse((tmp_path / "sealing-keys").read_text(encoding="utf-8"))
    assert (len(keys.keys), keys.writes_plain, keys.reads_plain) == (1, True, True)


def test_a_new_installation_seals_from_the_start(secrets: Path) -> None:
    keys = sealing_key_list.parse((secrets / "sealing-keys").read_text(encoding="utf-8"))

    assert (len(keys.keys), keys.reads_plain) == (1, False)


def value_of(text: str) -> str:
    """A variable without its environment: the default."""
    return re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", text)
