"""Heads in memory while they are used, and no longer than the budget allows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from subtone.perception.heads.errors import HeadError
from subtone.perception.heads.registry import LoadedHead


@dataclass(eq=False)
class _Slot:
    lock: threading.Lock = field(default_factory=threading.Lock)  # held while loading
    head: LoadedHead | None = None
    users: int = 0


class TaskPool:
    """Loads a head when it is first borrowed; unloads the longest unused above the budget.

    loaders: one per task, without arguments. budget_bytes: of ``size_bytes`` of the heads
    that nobody is using; one in use is never unloaded, so use may exceed it meanwhile, and a
    head larger than the whole budget is unloaded as soon as it is given back. Thread-safe:
    a head that is loading holds up only those who wait for the same one.
    """

    def __init__(self, loaders: Mapping[str, Callable[[], LoadedHead]], budget_bytes: int) -> None:
        self._loaders = dict(loaders)
        self._budget_bytes = budget_bytes
        self._slots: OrderedDict[str, _Slot] = OrderedDict()  # the longest unused first
        self._lock = threading.Lock()

    @property
    def loaded(self) -> tuple[str, ...]:
        """Tasks in memory, the longest unused first."""
        with self._lock:
            return tuple(name for name, slot in self._slots.items() if slot.head is not None)

    @property
    def loaded_bytes(self) -> int:
        """What they take."""
        with self._lock:
            return self._total()

    @contextmanager
    def borrow(self, task: str) -> Iterator[LoadedHead]:
        """The task's head, in memory until the block ends.

        Raises HeadError for a task without a loader, and whatever the loader raises.
        """
        if task not in self._loaders:
            raise HeadError(
                task, "no such task here", f"choose one of: {', '.join(sorted(self._loaders))}"
            )
        with self._lock:
            slot = self._slots.setdefault(task, _Slot())
            slot.users += 1
        try:
            with slot.lock:
                if slot.head is None:
                    slot.head = self._loaders[task]()
                head = slot.head
            with self._lock:
                self._slots.move_to_end(task)
                self._shrink(self._budget_bytes)
            yield head
        finally:
            with self._lock:
                slot.users -= 1
                self._shrink(self._budget_bytes)

    def unload(self, task: str) -> bool:
        """Drop one head now; False where it is in use or not loaded."""
        with self._lock:
            slot = self._slots.get(task)
            if slot is None or slot.users > 0 or slot.head is None:
                return False
            del self._slots[task]
            return True

    def relieve(self, budget_bytes: int = 0) -> int:
        """Under memory pressure: shrink to this many bytes now; returns what was given back."""
        with self._lock:
            before = self._total()
            self._shrink(budget_bytes)
            return before - self._total()

    def _total(self) -> int:
        return sum(int(getattr(slot.head, "size_bytes", 0)) for slot in self._slots.values())

    def _shrink(self, budget_bytes: int) -> None:
        for task, slot in list(self._slots.items()):
            if self._total() <= budget_bytes:
                return
            if slot.users == 0:
                del self._slots[task]
