"""What `helm uninstall` leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cluster.site import Site

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

KINDS = "all,configmaps,secrets,ingresses,networkpolicies,poddisruptionbudgets,horizontalpodautoscalers,serviceaccounts"


def test_what_the_team_made_is_left_and_nothing_else(installed: Site) -> None:
    installed.helm("test", installed.release, "--timeout=3m")

    done = installed.helm("uninstall", installed.release, "--wait")
    installed.until_ended()

    assert done.returncode == 0, done.stderr
    assert installed.kubectl("get", KINDS, "--output=name").split() == [
        f"pod/{installed.release}-test-login",
        "configmap/kube-root-ca.crt",
        "secret/clients",
        "secret/valetkey-secrets",
        "serviceaccount/default",
    ]
