"""The chart in a real cluster, with every service in one process and keys that a Job makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cluster.site import Site

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

OWN = "secrets/tiny-valetkey-secrets"
ALLOWED = [("create", "secrets"), ("get", OWN), ("patch", OWN)]
NOT_ALLOWED = [("get", "secrets/passwords"), ("list", "secrets"), ("delete", OWN), ("update", OWN), ("create", "pods")]


def test_a_small_place_is_installed_and_signs_in(small_site: Site) -> None:
    said = small_site.install()
    tested = small_site.helm("test", small_site.release, "--logs", "--timeout=3m")

    assert "would violate PodSecurity" not in said
    assert tested.returncode == 0, tested.stderr
    assert "Everything works." in tested.stdout
    assert len(small_site.pods("compact")) == 2


def test_the_account_of_the_job_may_make_secrets_and_read_its_own(small_site: Site) -> None:
    account = f"--as=system:serviceaccount:{small_site.namespace}:tiny-valetkey-create-secret"

    def may(*what: str) -> bool:
        kubectl = small_site.cluster.kubectl
        return kubectl.tried("--namespace", small_site.namespace, "auth", "can-i", *what, account).returncode == 0

    assert all(may(*what) for what in ALLOWED)
    assert not [what for what in NOT_ALLOWED if may(*what)]


def test_no_pod_of_a_service_has_a_token_of_the_cluster(small_site: Site) -> None:
    mounts = [
        mount["mountPath"]
        for pod in small_site.pods("compact")
        for container in pod["spec"]["containers"]
        for mount in container["volumeMounts"]
    ]

    assert mounts
    assert not [each for each in mounts if "serviceaccount" in each]


def test_the_keys_outlive_the_release(small_site: Site) -> None:
    small_site.helm("uninstall", small_site.release, "--wait")
    small_site.until_ended()

    assert "secret/tiny-valetkey-secrets" in small_site.kubectl("get", "secrets", "--output=name").split()
