"""The health of a started application: a probe per part, and the resulting readiness of each module."""

from iacs.runtime.health.probe import Probe, Probes
from iacs.runtime.health.probing import probe_parts
from iacs.runtime.health.report import Cause, Health, PartHealth, Readiness, Status

__all__ = ["Cause", "Health", "PartHealth", "Probe", "Probes", "Readiness", "Status", "probe_parts"]
