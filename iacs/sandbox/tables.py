"""HTML tables that become one card per row on a narrow screen."""

from collections.abc import Iterable, Sequence
from html import escape


class Html(str):
    """Text that is HTML already; any other is escaped."""

    __slots__ = ()


def html(text: str) -> Html:
    """Return text as HTML."""
    return text if isinstance(text, Html) else Html(escape(text))


def tag(kind: str, text: str) -> Html:
    """Return a short coloured label; the text has the meaning as well."""
    return Html(f'<span class="tag {escape(kind)}">{html(text)}</span>')


def lines(texts: Iterable[str]) -> Html:
    """Return texts one below the other."""
    return Html("<br>".join(map(html, filter(None, texts))))


def table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str) -> Html:
    """Return a section with a table, or the sentence `empty` without rows.

    The roles keep it a table for screen readers when the styles lay it out as cards.
    """
    body = "".join(_row(heads, row) for row in rows)
    name = title.lower().replace(" ", "-")
    head = f'<section aria-labelledby="{name}"><h2 id="{name}">{html(title)}</h2>'
    if not body:
        return Html(f"{head}<p class=empty>{html(empty)}</p></section>")
    cells = "".join(f"<th role=columnheader scope=col>{html(label)}</th>" for label in heads)
    first = f"<thead role=rowgroup><tr role=row>{cells}</tr></thead>"
    return Html(f"{head}<table role=table>{first}<tbody role=rowgroup>{body}</tbody></table></section>")


def _row(heads: Sequence[str], cells: Sequence[str]) -> str:
    columns = "".join(
        f'<td role=cell data-label="{escape(label)}">{cell and f"<div>{html(cell)}</div>"}</td>'
        for label, cell in zip(heads, cells, strict=True)
    )
    return f"<tr role=row>{columns}</tr>"
