"""``subtone serve`` as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx


@dataclass
class Server:
    """A server process that has said where it listens."""

    process: subprocess.Popen[str]
    url: str
    token: str
    binds: tuple[str, ...] = ()  # where recordings are taken: transport:host:port

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, headers=self.headers, timeout=10.0)


@contextmanager
def served(folder: Path, *settings: str) -> Iterator[Server]:
    command = [sys.executable, "-m", "subtone", "serve", "--port", "0", "--data", str(folder)]
    with subprocess.Popen(
        [*command, *settings],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            lines: list[str] = []
            while "token" not in (lines or [""])[-1]:
                lines.append(process.stdout.readline())
                assert lines[-1], "the server ended before it listened"
            url, *binds, token = (line.split()[-1] for line in lines)
            yield Server(process, url, token, tuple(binds))
        finally:
            process.kill()
