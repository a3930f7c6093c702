"""What each provider is declared to give, read from its class or its annotations; nothing is built."""

from iacs.runtime.declared.declarations import Declarations, class_of, declared_type

__all__ = ["Declarations", "class_of", "declared_type"]
