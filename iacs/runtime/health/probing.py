"""The health of a started application: one probe a part, and what follows for each module.

Spring Boot's actuator lists indicators and groups by hand; here both follow from the graph.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from iacs.runtime.graph.graph import Graph
from iacs.runtime.health.probe import Probes, is_probe
from iacs.runtime.health.readiness import readiness
from iacs.runtime.health.report import Health, PartHealth


async def probe_parts(
    graph: Graph,
    parts: Mapping[int, Any],
    *,
    timeout: float = 3.0,
    chosen: Mapping[int, int] | None = None,
    probes: Probes | None = None,
) -> Health:
    """Probe every started part that has a probe, all at the same time, each for `timeout` seconds at most.

    `parts` are the values of the started ones, `chosen` the branches of the selectors. An object that is several
    parts is probed once. `probes`, kept from call to call, remembers the probes that have not ended yet.
    """
    reports = await _probe(graph, parts, timeout, probes or Probes())
    probed = {index: reports[id(part)] for index, part in parts.items() if id(part) in reports}
    return Health(readiness(graph, parts.keys(), probed, chosen or {}), tuple(reports.values()))


async def _probe(
    graph: Graph, parts: Mapping[int, Any], timeout: float, probes: Probes
) -> dict[int, PartHealth]:
    first = {id(parts[index]): index for index in sorted(parts, reverse=True) if is_probe(parts[index])}
    async with asyncio.TaskGroup() as group:
        tasks = {
            key: group.create_task(probes.call(graph.nodes[index].path, parts[index], timeout))
            for key, index in sorted(first.items(), key=lambda item: item[1])
        }
    return {key: task.result() for key, task in tasks.items()}
