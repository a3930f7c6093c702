from hypothesis import given
from hypothesis import strategies as st

from iacs.runtime.picture import Picture, PictureEdge, PictureNode
from iacs.runtime.picture.layout import lay_out


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    size = draw(st.integers(0, 12))
    nodes = [
        PictureNode(str(number), "singleton", "singleton", group=draw(st.sampled_from("abc")))
        for number in range(size)
    ]
    ends = st.integers(0, size - 1)
    pairs = draw(st.lists(st.tuples(ends, ends), max_size=30)) if size else []
    return Picture("", tuple(nodes), tuple(PictureEdge(str(a), str(b), "", "") for a, b in pairs))


@given(pictures())
def test_no_two_parts_overlap_and_every_part_is_in_the_lane_of_its_container(drawn: Picture) -> None:
    layout = lay_out(drawn)
    cells = [(cell.column, cell.row) for cell in layout.cells.values()]
    assert len(set(cells)) == len(cells) == len(drawn.nodes)
    lanes = {lane.group: lane for lane in layout.lanes}
    for node in drawn.nodes:
        lane = lanes[node.group]
        assert lane.row <= layout.cells[node.path].row < lane.row + lane.rows
    rows = [row for lane in layout.lanes for row in range(lane.row, lane.row + lane.rows)]
    assert rows == list(range(len(rows)))


@given(pictures())
def test_what_is_needed_stands_to_the_right_unless_there_is_a_circle(drawn: Picture) -> None:
    forward = tuple(edge for edge in drawn.edges if int(edge.source) < int(edge.target))
    straight = Picture("", drawn.nodes, forward)
    cells = lay_out(straight).cells
    for edge in forward:
        assert cells[edge.source].column < cells[edge.target].column


@given(pictures())
def test_the_same_picture_is_laid_out_the_same(drawn: Picture) -> None:
    assert lay_out(drawn) == lay_out(drawn)
