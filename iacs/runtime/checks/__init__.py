"""Checks the wiring of a container before anything in it is built."""

from iacs.runtime.checks.findings import check, findings
from iacs.runtime.checks.overlays import overlay_findings
from iacs.runtime.checks.waivers import Waivers

__all__ = ["Waivers", "check", "findings", "overlay_findings"]
