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


async def ask_parts(
    graph: Graph,
    parts: Mapping[int, Any],
    *,
    timeout: float = 3.0,
    chosen: Mapping[int, int] | None = None,
    probes: Probes | None = None,
) -> Health:
    """Ask every started part that has a probe, all at the same time, each for `timeout` seconds at most.

    `parts` are the values of the started ones, `chosen` the branches of the selectors. An object that is several
    parts is asked once. `probes`, kept from call to call, remembers which part still owes an answer.
    """
    asked = await _ask(graph, parts, timeout, probes or Probes())
    probed = {index: asked[id(part)] for index, part in parts.items() if id(part) in asked}
    return Health(readiness(graph, parts.keys(), probed, chosen or {}), tuple(asked.values()))


async def _ask(
    graph: Graph, parts: Mapping[int, Any], timeout: float, probes: Probes
) -> dict[int, PartHealth]:
    first = {id(parts[index]): index for index in sorted(parts, reverse=True) if is_probe(parts[index])}
    async with asyncio.TaskGroup() as group:
        tasks = {
            key: group.create_task(probes.ask(graph.nodes[index].path, parts[index], timeout))
            for key, index in sorted(first.items(), key=lambda item: item[1])
        }
    return {key: task.result() for key, task in tasks.items()}
