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

FAULTS = (
    *faults_of_clients.FAULTS,
    *faults_of_services.FAULTS,
    *faults_of_redis.FAULTS,
    *faults_of_postgres.FAULTS,
    *faults_of_networks.FAULTS,
    *faults_of_clocks.FAULTS,
)
