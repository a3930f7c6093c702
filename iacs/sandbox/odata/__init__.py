"""The part of OData's filter language that Graph offers on messages."""

from iacs.sandbox.odata.evaluation import matches
from iacs.sandbox.odata.parser import Filter, parse_filter
from iacs.sandbox.odata.syntax import FilterError

__all__ = ["Filter", "FilterError", "matches", "parse_filter"]
