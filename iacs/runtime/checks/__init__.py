"""Checks the wiring of a container before anything in it is built."""

from iacs.runtime.checks.findings import check, findings
from iacs.runtime.checks.overlays import overlay_findings

__all__ = ["check", "findings", "overlay_findings"]
