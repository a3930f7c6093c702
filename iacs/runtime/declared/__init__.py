"""The declared type of each provider's value, read from classes and annotations; nothing is built."""

from iacs.runtime.declared.annotations import class_of
from iacs.runtime.declared.declarations import Declarations, declared_type

__all__ = ["Declarations", "class_of", "declared_type"]
