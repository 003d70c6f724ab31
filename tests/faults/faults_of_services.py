"""Replicas of services that end, hang, or come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faults.fault import Fault
from faults.harm import frozen, killed, restarted
from faults.site import SERVICES
from faults.tolerance import Tolerance

if TYPE_CHECKING:
    from faults.harm import Choice

_VANISHING = Tolerance(services_may_vanish=True)


def one_of(service: str) -> Choice:
    """The first replica of this service."""
    return lambda site: site.replicas[service][:1]


def every(service: str) -> Choice:
    """All replicas of this service."""
    return lambda site: site.replicas[service]


FAULTS = (
    *(
        Fault(f"{service}: one replica killed", killed(one_of(service)), _VANISHING, seconds=1.0)
        for service in SERVICES
    ),
    Fault("every replica killed", killed(lambda site: site.all_replicas), _VANISHING, seconds=0.5),
    Fault("every replica restarted", restarted(lambda site: site.all_replicas), _VANISHING, seconds=0.0),
    *(Fault(f"{service}: one replica hangs", frozen(one_of(service)), seconds=2.0) for service in SERVICES),
)
