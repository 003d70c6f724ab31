"""What containers are told is what the services understand: their own code loads the rendered environment."""

from pathlib import Path

import pytest

from support.chart import PROGRAMS, SERVERS, SERVICES, Object, Pod, environment, objects, pod_of, pods
from support.chart_values import EXTERNAL, SETS, VALUES, merged
from valetkey.runtime.settings.reader import table
from valetkey.runtime.settings.settings import Settings, SettingsError

KEYS = [
    "y3gq1Zc2gE0nQ6bJkZb0o9pM3m0m9m4u5s8s7Qk2w1A",
    "b1Vd9xk2rT7uY0aLq4Zw8sXc5vGh3nMj6pKf1tRe0iU",
    "Zr5nW8cQ1tXy6vBm3kPd0sLh7jFg2aEo9uIi4wKeRxA",
    "H8jK2lP0oI9uY7tR5eW3qA1sD4fG6hJ8kL0zX2cV4bM",
    "P2wE4rT6yU8iO0pA1sD3fG5hJ7kL9zX1cV3bN5mQ7wE",
]
SECRETS = {
    "cookie-keys": KEYS[0],
    "refresh-token-keys": KEYS[1],
    "key-encryption-keys": f"2026a:{KEYS[3]}",
    "sealing-keys": KEYS[2],
    "credential-keys": KEYS[4],
}


def moved(container: Object, folder: Path) -> dict[str, str]:
    """What a container is told, with everything mounted moved below a folder."""
    variables = environment(container)
    for mount in ("/run/secrets/valetkey", "/etc/valetkey"):
        variables = {name: value.replace(mount, f"{folder}{mount}") for name, value in variables.items()}
    return variables


def load(container: Object, folder: Path) -> Settings:
    """The settings of a container, with everything mounted moved below a folder. Raises ``SettingsError``."""
    variables = moved(container, folder)
    for name, value in variables.items():
        if name.endswith("_FILE"):
            file = Path(value.removeprefix("-"))
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(SECRETS.get(file.name, f"password of {file.name}"), encoding="utf-8")
    (folder / "etc/valetkey/templates").mkdir(parents=True, exist_ok=True)
    (folder / "etc/valetkey/logo").mkdir(exist_ok=True)
    (folder / "etc/valetkey/logo/logo.svg").touch()
    return Settings.load(variables, service=PROGRAMS[container["name"]])


def ours(values: str) -> list[tuple[Pod, Object]]:
    return [(pod, each) for pod in pods(objects(values)) for each in pod.containers if each["name"] in PROGRAMS]


def container(values: str | Object, component: str) -> Object:
    return dict(pod_of(objects(values), component).containers[0])


@pytest.mark.parametrize("values", SETS)
def test_every_container_can_load_what_it_is_told(values: str, tmp_path: Path) -> None:
    faults: dict[str, tuple[str, ...]] = {}

    for pod, each in ours(values):
        try:
            load(each, tmp_path)
        except SettingsError as error:
            faults[f"{pod.name}: {each['name']}"] = error.problems

    assert ours(values)
    assert not faults


@pytest.mark.parametrize("component", ["authorize", "token"])
def test_services_load_without_sealing_keys_where_the_secret_may_be_of_an_earlier_release(
    component: str, tmp_path: Path
) -> None:
    present = load(container("external", component), tmp_path)
    (tmp_path / "run/secrets/valetkey/sealing-keys").unlink()

    absent = Settings.load(moved(container("external", component), tmp_path), service=PROGRAMS[component])

    assert present.sealing_keys.is_set
    assert not absent.sealing_keys.is_set
    with pytest.raises(SettingsError, match="VALETKEY_SEALING_KEYS cannot be read from"):
        Settings.load(moved(container("production", component), tmp_path), service=PROGRAMS[component])


def test_a_setting_that_no_service_knows_would_be_found(tmp_path: Path) -> None:
    told = container("external", "token")
    told["env"].append({"name": "VALETKEY_ISUER", "value": "https://id.example.com"})

    with pytest.raises(SettingsError, match="VALETKEY_ISUER is not a setting; did you mean VALETKEY_ISSUER"):
        load(told, tmp_path)


@pytest.mark.parametrize("values", SETS)
def test_every_variable_is_a_setting(values: str) -> None:
    known = {f"VALETKEY_{name.upper()}{end}" for name in table(Settings) for end in ("", "_FILE")}

    told = {name for _, each in ours(values) for name in environment(each) if name.startswith("VALETKEY_")}

    assert told <= known


@pytest.mark.parametrize("values", SETS)
def test_ports_are_what_services_listen_on(values: str, tmp_path: Path) -> None:
    servers = [each for _, each in ours(values) if each["name"] in SERVERS]

    settings = [load(each, tmp_path) for each in servers]
    ports = [{port["name"]: port["containerPort"] for port in each["ports"]} for each in servers]

    assert ports == [{"http": each.port, "management": each.management_port} for each in settings]
    assert {(each.host, each.management_host) for each in settings} == {("0.0.0.0", "0.0.0.0")}  # noqa: S104 - in a pod


@pytest.mark.parametrize("values", SETS)
def test_each_speaks_to_the_database_as_itself(values: str, tmp_path: Path) -> None:
    roles = {
        each["name"]: load(each, tmp_path).postgres_dsn.reveal().partition("://")[2].partition("@")[0].partition(":")[0]
        for _, each in ours(values)
    }

    expected = {
        "authorize": "valetkey_authorize",
        "token": "valetkey_token",
        "introspection": "valetkey_introspection",
        "compact": "valetkey_compact",
        "key-rotation": "valetkey_key_rotation",
        "first-keys": "valetkey_key_rotation",
        "migrate": "valetkey_migration",
        "apply-clients": "valetkey_operator",
        "demo-user": "valetkey_operator",
        "login": "valetkey_operator",
    }
    assert roles == {name: expected[name] for name in roles}


def test_values_reach_the_services(tmp_path: Path) -> None:
    found = "below-a-path"

    token, authorize = load(container(found, "token"), tmp_path), load(container(found, "authorize"), tmp_path)

    assert token.issuer == authorize.issuer == VALUES[found]["issuer"]
    assert token.access_token_lifetime == authorize.access_token_lifetime == 300
    assert token.max_body_bytes == 32768
    assert (token.postgres_pool_max, authorize.postgres_pool_max) == (20, 10)
    assert [str(network) for network in token.trusted_proxies] == ["10.0.0.0/8"]
    assert (authorize.theme_name, authorize.theme_colour) == ("Example", "#aa3300")
    assert authorize.theme_logo == tmp_path / "etc/valetkey/logo/logo.svg"
    assert authorize.templates_directory == tmp_path / "etc/valetkey/templates"


@pytest.mark.requirement("security 40: one address for all clients is never a silent default")
@pytest.mark.parametrize(
    ("values", "trusted"),
    [
        ("production", ["10.244.0.0/16"]),
        ("no-proxy", []),
        ("external", []),
        ("demo", ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"]),
    ],
)
@pytest.mark.parametrize("service", SERVICES)
def test_services_trust_the_proxies_that_are_named(
    values: str, trusted: list[str], service: str, tmp_path: Path
) -> None:
    settings = load(container(values, service), tmp_path)

    assert [str(network) for network in settings.trusted_proxies] == trusted


@pytest.mark.parametrize(
    ("changes", "trusted"),
    [({"trustedProxies": ["192.168.7.0/24"]}, ["192.168.7.0/24"]), ({"noTrustedProxies": True}, [])],
    ids=["named", "none"],
)
def test_the_demo_may_trust_other_proxies(changes: Object, trusted: list[str], tmp_path: Path) -> None:
    settings = load(container(merged({"demo": {"enabled": True}}, changes), "authorize"), tmp_path)

    assert [str(network) for network in settings.trusted_proxies] == trusted


def test_services_listen_where_a_cluster_has_ipv6_alone(tmp_path: Path) -> None:
    settings = load(container(merged(EXTERNAL, {"listenAddress": "::"}), "token"), tmp_path)

    assert (settings.host, settings.management_host) == ("::", "::")


def test_behind_a_pooler_services_listen_and_migrate_past_it(tmp_path: Path) -> None:
    for _, each in ours("production"):
        settings = load(each, tmp_path)

        assert "@valetkey-pooler." in settings.postgres_dsn.reveal()
        assert "@valetkey-rw." in settings.postgres_listen_dsn.reveal()
        assert settings.postgres_pooler == "transaction"


@pytest.mark.parametrize(
    ("setting", "number"), [("redis_reserve", 0.125), ("postgres_pool_min", 1), ("refresh_token_lifetime", 3000000)]
)
def test_numbers_arrive_as_they_were_written(setting: str, number: float) -> None:
    told = container(merged(EXTERNAL, {"settings": {setting: number}}), "token")

    assert environment(told)[f"VALETKEY_{setting.upper()}"] == str(number)
