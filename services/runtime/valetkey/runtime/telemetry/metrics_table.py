"""The table of metrics as Markdown, made from the code: ``python -m valetkey.runtime.telemetry.metrics_table``."""

from __future__ import annotations

import sys

from valetkey.runtime.telemetry import metrics
from valetkey.runtime.telemetry.metric import EVERY_SERVICE, Metric

_HEAD = """# Metrics

Made from the code by `python -m valetkey.runtime.telemetry.metrics_table`; change `metrics.py`, then make it again.

Prometheus scrapes `/metrics` on the management port, in its text format or as OpenMetrics. A histogram has `_bucket`,
`_sum` and `_count`; in OpenMetrics its buckets carry the trace ids of sampled requests as exemplars. Gauges appear once
their value is known. Besides these every service has the `process_*` and `python_info` of the Prometheus client.

`valetkey serve all` has the metrics of all services, and is the `component` `compact`.

Processes that share a port (`VALETKEY_REUSE_PORT`) have a management port each. Every one is a target of its own, and
counts as a replica.

| Name as scraped | Type | Labels | Services | What it tells |
|---|---|---|---|---|
"""


def table() -> list[Metric]:
    """Every metric, in the order of ``metrics.py``."""
    return [value for value in vars(metrics).values() if isinstance(value, Metric)]


def render() -> str:
    """The whole Markdown page, ending in a newline."""
    lines = []
    for metric in table():
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        services = "every service" if metric.services == EVERY_SERVICE else ", ".join(metric.services)
        lines.append(f"| `{metric.scraped_name}` | {metric.kind} | {labels} | {services} | {metric.doc} |\n")
    return _HEAD + "".join(lines)


if __name__ == "__main__":
    sys.stdout.write(render())
