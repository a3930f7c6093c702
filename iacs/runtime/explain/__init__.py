"""Where a part is declared, what it receives and from where, and which settings it reads."""

from iacs.runtime.explain.explaining import explain_part
from iacs.runtime.explain.explanation import Explanation

__all__ = ["Explanation", "explain_part"]
