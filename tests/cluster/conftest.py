import secrets
from collections.abc import Iterator

import pytest

from cluster.cluster import Cluster, running_cluster
from cluster.edge import open_edge
from cluster.images import import_from_engine, why_no_images
from cluster.programs import build, why_no_cluster
from cluster.site import OBJECTS, Site
from cluster.stores import Stores
from support.container_registry import why_no_registry
from support.published_release import PublishedRelease, published_release

STORES = ("postgres:15", "redis:7")
CLIENTS = ("demo-api", "demo-web", "demo-machine")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Kubernetes on one node."""
    why = why_no_cluster() or why_no_images(*STORES) or why_no_registry()
    if why:
        pytest.skip(why)
    with running_cluster(build(), tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture(scope="session")
def published(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PublishedRelease]:
    """A release in a registry, which the node reaches under the same name."""
    with published_release(tmp_path_factory.mktemp("published")) as release:
        cluster.spawn("docker-registry", "serve", release.checkout.parent / "registry.json", ours=False)
        yield release


@pytest.fixture(scope="session")
def stores(cluster: Cluster) -> Stores:
    """PostgreSQL and Redis, as others run them."""
    import_from_engine(cluster.node, *STORES)
    made = Stores(cluster)
    made.start()
    return made


@pytest.fixture(scope="session")
def client_secrets() -> dict[str, str]:
    """Of the clients in ``values.yaml``."""
    return {f"{client}-secret": secrets.token_urlsafe(32) for client in CLIENTS}


@pytest.fixture(scope="session")
def site(cluster: Cluster, published: PublishedRelease, stores: Stores, client_secrets: dict[str, str]) -> Site:
    """Everything that a team has before it installs the services; the way in from outside too."""
    values = OBJECTS / "values.yaml"
    made = Site(cluster, chart_of(published), published.version, "identity", "valetkey", values)
    made.create_namespace()
    stores.create_database("valetkey")
    cluster.kubectl.create_secret(made.namespace, "valetkey-secrets", stores.values)
    cluster.kubectl.create_secret(made.namespace, "clients", client_secrets)
    open_edge(cluster, made.release, made.namespace)
    return made


@pytest.fixture(scope="session")
def said_of_install(site: Site) -> str:
    """What Helm printed when it installed there."""
    return site.install()


@pytest.fixture(scope="session")
def installed(site: Site, said_of_install: str) -> Site:
    """The same, with a release."""
    return site


@pytest.fixture(scope="session")
def small_site(cluster: Cluster, published: PublishedRelease, stores: Stores) -> Site:
    """Everything that a team has before it installs all services in one process."""
    values = OBJECTS / "compact-values.yaml"
    made = Site(cluster, chart_of(published), published.version, "small", "tiny", values)
    made.create_namespace()
    stores.create_database("small")
    passwords = {name: value for name, value in stores.values.items() if name.endswith("-password")}
    cluster.kubectl.create_secret(made.namespace, "passwords", passwords)
    return made


def chart_of(published: PublishedRelease) -> str:
    """Its address."""
    return f"oci://{published.path}/charts/valetkey"
