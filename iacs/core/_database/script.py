"""Split SQL scripts into statements, as the command-line programs of SQLite and PostgreSQL do."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_OPEN_STRING = r"'(?:[^']|'')*+(?:'|\Z)"
_OPEN_NAME = r'"(?:[^"]|"")*+(?:"|\Z)'
_COMMON = rf"(?P<space>\s++|--[^\n]*+)|(?P<quoted>{_OPEN_STRING}|{_OPEN_NAME}"
_TOKENS = {
    "sqlite": re.compile(
        _COMMON + r"|`(?:[^`]|``)*+(?:`|\Z)|\[[^\]]*+(?:\]|\Z))"
        r"|(?P<comment>/\*)|(?P<word>[\w$]++)|(?P<mark>.)",
        re.DOTALL,
    ),
    # The lexical rules: https://www.postgresql.org/docs/current/sql-syntax-lexical.html
    "postgresql": re.compile(
        _COMMON + r"|[eE]'(?:[^'\\]|''|\\.)*+(?:'|\Z)"
        r"|\$(?P<tag>(?:[^\W\d]\w*+)?)\$.*?(?:\$(?P=tag)\$|\Z))"
        r"|(?P<comment>/\*)|(?P<word>[^\W\d][\w$]*+|\w++)|(?P<mark>.)",
        re.DOTALL,
    ),
}
_COMMENT_EDGE = re.compile(r"/\*|\*/")


def split(script: str, dialect: str) -> list[str]:
    """Cut a script behind each `;` that ends a statement; the pieces joined are the script again."""
    return [piece for piece, _ in _pieces(script, dialect)]


def statements(script: str, dialect: str) -> list[str]:
    """Return the statements of a script without their last `;`; pieces of comments alone are left out."""
    return [piece.strip().removesuffix(";").rstrip() for piece, words in _pieces(script, dialect) if words]


def opening(statement: str, dialect: str) -> tuple[str, ...]:
    """Return a statement's first words and marks, four at most, in upper case."""
    return next((tuple(tokens[:4]) for _, tokens in _pieces(statement, dialect)), ())


@dataclass(slots=True)
class _Statement:
    """What has been read of one statement: its tokens but for space and comments, in upper case."""

    dialect: str
    tokens: list[str] = field(default_factory=list)
    parentheses: int = 0
    blocks: int = 0

    def add(self, lexeme: str) -> bool:
        """Take the next lexeme; return whether the statement ends behind it."""
        ends = lexeme == ";" and self._may_end()
        if not ends:
            self.tokens.append(lexeme)
            self.parentheses = max(0, self.parentheses + {"(": 1, ")": -1}.get(lexeme, 0))
            self._count_blocks(lexeme)
        return ends

    def _may_end(self) -> bool:
        if self.dialect == "sqlite":
            return self._trigger_ends()
        return self.parentheses == 0 and self.blocks == 0

    def _trigger_ends(self) -> bool:
        """Tell whether a trigger's body has ended: at `; END ;`, as sqlite3_complete() has it."""
        words = [lexeme for lexeme in self.tokens[:3] if lexeme not in ("TEMP", "TEMPORARY")]
        return words[:2] != ["CREATE", "TRIGGER"] or self.tokens[-2:] == [";", "END"]

    def _count_blocks(self, lexeme: str) -> None:
        """Follow BEGIN ATOMIC … END in the body of a routine, as psql's scanner does."""
        head = [lexeme for lexeme in self.tokens[:4] if lexeme not in ("OR", "REPLACE")]
        if head[:1] != ["CREATE"] or head[1:2] not in (["FUNCTION"], ["PROCEDURE"]) or self.parentheses:
            return
        if lexeme == "BEGIN" or (lexeme == "CASE" and self.blocks):
            self.blocks += 1
        elif lexeme == "END" and self.blocks:
            self.blocks -= 1


def _pieces(script: str, dialect: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each piece with its tokens."""
    start, statement = 0, _Statement(dialect)
    for lexeme, end in _tokens(script, dialect):
        if lexeme and statement.add(lexeme):
            yield script[start:end], statement.tokens
            start, statement = end, _Statement(dialect)
    if start < len(script):
        yield script[start:], statement.tokens


def _tokens(script: str, dialect: str) -> Iterator[tuple[str, int]]:
    """Yield each lexeme in upper case, empty for space and comments, and where it ends."""
    position = 0
    while match := _TOKENS[dialect].match(script, position):
        position = match.end()
        if match["comment"]:
            position = _comment_end(script, position, nests=dialect == "postgresql")
        yield "" if match["comment"] or match["space"] else match[0].upper(), position


def _comment_end(script: str, position: int, *, nests: bool) -> int:
    """Find the end of a comment that began before `position`; PostgreSQL's nest, SQLite's do not."""
    depth = 1
    for edge in _COMMENT_EDGE.finditer(script, position):
        if edge[0] == "*/":
            depth -= 1
        elif nests:
            depth += 1
        if depth == 0:
            return edge.end()
    return len(script)
