"""Every fault there is. A new one is one entry in the file of its family."""

from __future__ import annotations

from faults import (
    faults_of_clients,
    faults_of_clocks,
    faults_of_networks,
    faults_of_postgres,
    faults_of_redis,
    faults_of_services,
)

FAMILIES = (
    faults_of_clients,
    faults_of_services,
    faults_of_redis,
    faults_of_postgres,
    faults_of_networks,
    faults_of_clocks,
)
FAULTS = tuple(fault for family in FAMILIES for fault in family.FAULTS)
