"""The loaded part of a list, against a list that is all there."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from commtui.domain.lines import Line, Page, PageKey
from commtui.domain.vocabulary import Status
from commtui.widgets.pages import Anchor, Wanted, Window
from tests.tui.fake_desk import make_line

LINES = [make_line(number) for number in range(400)]
SIZE = 10


def key(line: Line) -> PageKey:
    """A line's key under newest first."""
    return PageKey(line.sort_id, line.id)


def page_of(lines: list[Line]) -> Page:
    """These lines as a page."""
    return Page(tuple(lines), key(lines[0]), key(lines[-1])) if lines else Page((), None, None)


def answer(lines: list[Line], wanted: Wanted) -> Page:
    """What the database gives."""
    if wanted.from_end:
        return page_of(lines[-wanted.limit :])
    if wanted.before is not None:
        ahead = [line for line in lines if line.sort_id > wanted.before.value]
        return page_of(ahead[-wanted.limit :])
    if wanted.after is not None:
        lines = [line for line in lines if line.sort_id < wanted.after.value]
    return page_of(lines[wanted.offset : wanted.offset + wanted.limit])


def opened(lines: list[Line], total: int | None = None, keep: int = 4) -> Window:
    """A window on the first page."""
    window = Window(SIZE, keep)
    window.begin()
    first = lines[:SIZE]
    window.fill((page_of(first),), 0, complete=len(first) < SIZE)
    window.count(len(lines) if total is None else total)
    return window


def settle(window: Window, lines: list[Line], first: int, last: int) -> int:
    """Load until nothing more is wanted; gives the shift of the indexes."""
    shift = 0
    for _ in range(60):
        low, high = (max(0, min(index + shift, window.total - 1)) for index in (first, last))
        wanted = window.want(low, high)
        if wanted is None:
            return shift
        shift += window.take(wanted, answer(lines, wanted))
    raise AssertionError("it never has enough")


def is_slice(window: Window, lines: list[Line]) -> bool:
    """What is loaded is a run of the list."""
    loaded = list(window.lines)
    if not loaded:
        return not lines
    start = lines.index(loaded[0])
    return loaded == lines[start : start + len(loaded)]


@settings(max_examples=120, deadline=None)
@given(
    count=st.integers(0, 300),
    visits=st.lists(st.integers(0, 299), max_size=8),
)
def test_any_walk_shows_exactly_the_list(count: int, visits: list[int]) -> None:
    lines = LINES[:count]
    window = opened(lines)
    shift = 0
    for visit in visits:
        if not count:
            break
        first = min(visit, max(0, count - 5))
        last = min(first + 4, count - 1)
        shift += settle(window, lines, first + shift, last + shift)
        assert is_slice(window, lines)
        assert len(window.lines) <= 5 * SIZE
        shown = [window.line(index + shift) for index in range(first, last + 1)]
        assert shown == lines[first : last + 1]


@settings(max_examples=80, deadline=None)
@given(
    count=st.integers(1, 200),
    total=st.integers(0, 400),
    visits=st.lists(st.integers(0, 399), max_size=6),
)
def test_a_wrong_count_never_shows_a_wrong_order_and_is_put_right_at_the_ends(
    count: int, total: int, visits: list[int]
) -> None:
    lines = LINES[:count]
    window = opened(lines, total)
    for visit in visits:
        first = min(visit, max(0, window.total - 5))
        settle(window, lines, first, first + 4)
        assert is_slice(window, lines)
    settle(window, lines, max(0, window.total - 1), window.total - 1)
    # lines that came to light above are a reason to go up once more, and that comes to an end
    ups = 0
    while settle(window, lines, 0, 0):
        ups += 1
        assert ups <= count
    assert window.line(0) == lines[0]


def test_lines_that_came_above_shift_the_indexes_when_the_start_is_seen() -> None:
    lines = LINES[50:150]
    window = opened(lines, keep=7)
    for first in (20, 40, 60, 80):
        settle(window, lines, first, first + 4)
    now = LINES[47:150]
    here = window.line(40)
    assert here is not None
    total = 0
    for first in (30, 20, 10, 0):
        total += settle(window, now, first + total, first + total + 4)
    assert window.line(0) == now[0]
    assert window.index_of(now[5].id) == 5
    assert total == 3


def test_a_changed_line_is_put_in_its_place() -> None:
    window = opened(LINES[:100])
    settle(window, LINES[:100], 10, 14)
    changed = replace(LINES[12], status=Status.DELIVERED)
    assert window.replace(changed) == 12
    assert window.line(12) == changed
    assert window.replace(LINES[99]) is None


def test_an_anchor_loads_the_same_lines_again() -> None:
    lines = LINES[:200]
    window = opened(lines, keep=3)
    for first in range(0, 100, 5):
        settle(window, lines, first, first + 4)
    anchor = window.anchor(95)
    again = answer(lines, Wanted(0, anchor.index, SIZE, anchor.after, None, anchor.offset))
    assert lines[95] in again.lines
    assert lines.index(again.lines[0]) == anchor.index
    assert Window().anchor(5) == Anchor(0)


def test_a_place_is_a_key_and_an_offset_that_later_lines_cannot_move() -> None:
    lines = LINES[10:200]
    window = opened(lines)
    settle(window, lines, 12, 16)
    place = window.place_of(13)
    assert place is not None
    after, offset = place
    page = answer(LINES[:200], Wanted(0, 0, 1, after, None, offset))
    assert page.lines == (lines[13],)
    assert window.place_of(150) is None


def test_an_answer_to_an_older_list_is_dropped() -> None:
    window = opened(LINES[:100])
    wanted = window.want(15, 19)
    assert wanted is not None
    window.begin()
    assert window.take(wanted, answer(LINES[:100], wanted)) == 0
    assert len(window.lines) == SIZE


def test_a_page_that_no_longer_fits_is_dropped() -> None:
    window = opened(LINES[:100])
    wanted = window.want(8, 9)
    assert wanted is not None
    settle(window, LINES[:100], 90, 95)
    before = window.lines
    window.take(wanted, answer(LINES[:100], wanted))
    assert window.lines == before
