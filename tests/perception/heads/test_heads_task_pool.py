"""The pool: loads once, keeps to its budget, never takes a head from under its user."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.perception.heads.errors import HeadError
from subtone.perception.heads.task_pool import TaskPool
from subtone.perception.tasks import Needs


@dataclass
class Weighty:
    size_bytes: int
    name = "weighty"
    needs = Needs()


def pool(budget_bytes: int, loads: Counter[str] | None = None) -> TaskPool:
    counted = Counter[str]() if loads is None else loads

    def loader(name: str, size_bytes: int) -> Weighty:
        counted[name] += 1
        return Weighty(size_bytes)

    sizes = {"a": 10, "b": 20, "c": 30}
    return TaskPool(
        {n: lambda n=n, s=s: loader(n, s) for n, s in sizes.items()},  # type: ignore[misc]  # bound
        budget_bytes,
    )


def use(given_pool: TaskPool, *tasks: str) -> None:
    for task in tasks:
        with given_pool.borrow(task):
            pass


def test_a_head_is_loaded_when_it_is_first_asked_for_and_once() -> None:
    loads: Counter[str] = Counter()
    heads = pool(100, loads)
    assert heads.loaded == ()
    use(heads, "a", "a", "b")
    assert loads == {"a": 1, "b": 1}
    assert heads.loaded_bytes == 30


def test_the_longest_unused_goes_first() -> None:
    heads = pool(40)
    use(heads, "a", "b", "a", "c")
    assert heads.loaded == ("a", "c")


def test_a_head_in_use_stays_whatever_the_budget() -> None:
    heads = pool(30)
    with heads.borrow("b") as held:
        use(heads, "c")
        assert heads.loaded == ("b",)
        assert not heads.unload("b")
        assert isinstance(held, Weighty)
        assert held.size_bytes == 20
    assert heads.loaded == ("b",)


def test_a_head_above_the_whole_budget_leaves_when_it_is_given_back() -> None:
    heads = pool(25)
    use(heads, "a")
    with heads.borrow("c"):
        assert heads.loaded_bytes == 30
    assert heads.loaded_bytes == 0


def test_pressure_gives_memory_back_now() -> None:
    heads = pool(100)
    use(heads, "a", "b", "c")
    assert heads.relieve(35) == 30
    assert heads.loaded == ("c",)
    assert heads.unload("c")
    assert not heads.unload("c")


def test_a_loader_that_fails_is_tried_again() -> None:
    tries = Counter[str]()

    def loader() -> Weighty:
        tries["x"] += 1
        if tries["x"] == 1:
            raise OSError("disk")
        return Weighty(1)

    heads = TaskPool({"x": loader}, 10)
    with pytest.raises(OSError, match="disk"), heads.borrow("x"):
        pass
    use(heads, "x")
    assert heads.loaded == ("x",)


def test_an_unknown_task_is_refused() -> None:
    with pytest.raises(HeadError, match="choose one of: a, b, c"), pool(1).borrow("z"):
        pass


@given(st.lists(st.sampled_from("abc"), max_size=20), st.integers(0, 70))
def test_at_rest_the_budget_always_holds(tasks: list[str], budget_bytes: int) -> None:
    heads = pool(budget_bytes)
    use(heads, *tasks)
    assert heads.loaded_bytes <= budget_bytes


def test_threads_that_want_one_head_load_it_once() -> None:
    begun = threading.Barrier(4)
    loads: Counter[str] = Counter()
    heads = pool(100, loads)

    def work(_: int) -> int:
        begun.wait()
        with heads.borrow("a") as head:
            return id(head)

    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(work, range(4)))) == 1
    assert loads == {"a": 1}
