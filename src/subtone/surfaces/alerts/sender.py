"""The only part of the alerts with a socket: posts what is due and writes down the result.

An address is configured by an operator, but names resolve to what somebody else decides, so
every resolved address is checked and the connection goes to exactly the one checked.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import httpx

from subtone.contracts.ports import Clock
from subtone.surfaces.alerts.delivery import (
    Answer,
    Delivery,
    Outcome,
    OutcomeKind,
    RetryPolicy,
    judge,
    settle,
)
from subtone.surfaces.alerts.sinks import Request, Sink, render
from subtone.surfaces.alerts.store import AlertStore

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

BLOCKED_NETWORKS: tuple[_Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "169.254.0.0/16",  # link-local, and most clouds' instance metadata
        "100.100.100.200/32",  # instance metadata of Alibaba Cloud
        "168.63.129.16/32",  # the host of an Azure machine
        "192.0.0.192/32",  # instance metadata of Oracle Cloud, older form
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/128",
        "fe80::/10",
        "fd00:ec2::/32",  # instance metadata of AWS
        "fd20:ce::254/128",  # instance metadata of Google Cloud
        "ff00::/8",
    )
)
"""Where no alert has any business: metadata services, link-local, multicast, reserved."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class TargetRefusedError(ValueError):
    """The address may not be posted to; one line, without the address itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderPolicy:
    """Limits of one attempt."""

    schemes: frozenset[str] = frozenset({"https"})
    allowed_networks: tuple[_Network, ...] = ()  # exceptions to BLOCKED_NETWORKS
    total_s: float = 10.0  # resolving, connecting, sending and reading together
    connect_s: float = 5.0
    max_answer_bytes: int = 65_536
    max_retry_after_s: int = 3_600


class Sender:
    """Posts requests; never follows a redirect, never reads more than it must.

    ``trust`` replaces the public certificate authorities, for receivers with their own.
    """

    def __init__(
        self, policy: SenderPolicy | None = None, trust: ssl.SSLContext | None = None
    ) -> None:
        self._policy = policy or SenderPolicy()
        self._client = httpx.AsyncClient(
            verify=trust if trust is not None else True,
            timeout=httpx.Timeout(self._policy.total_s, connect=self._policy.connect_s),
            follow_redirects=False,
            trust_env=False,  # a proxy from the environment would undo the address check
            # a slow receiver takes no other's connection, and one that was made for a name is
            # never used for another name at the same address, whose certificate nobody checked
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        )

    async def __aenter__(self) -> Sender:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def attempt(self, sink: Sink, request: Request) -> Outcome:
        """Post once. Never raises for anything that the network or the receiver does."""
        try:
            async with asyncio.timeout(self._policy.total_s):
                return judge(sink.kind, await self._post(request))
        except TargetRefusedError as error:
            return Outcome(OutcomeKind.REFUSED, str(error))
        except (TimeoutError, httpx.TimeoutException):
            return Outcome(OutcomeKind.RETRY, "no answer in time")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return Outcome(OutcomeKind.RETRY, f"not reached ({type(error).__name__})")

    async def _post(self, request: Request) -> Answer:
        url = httpx.URL(request.url)
        if url.scheme not in self._policy.schemes:
            raise TargetRefusedError(f"the scheme {url.scheme!r} is not allowed; use https")
        address = await self._checked_address(url)
        async with self._client.stream(
            request.method,
            url.copy_with(host=str(address)),
            headers=[
                *request.headers,
                ("Host", url.netloc.decode()),
                ("Accept-Encoding", "identity"),
            ],
            content=request.body,
            extensions={"sni_hostname": url.raw_host.decode()},
        ) as response:
            body = bytearray()
            # raw: an answer that unpacks to gigabytes is never unpacked
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > self._policy.max_answer_bytes:
                    break
            after = response.headers.get("Retry-After", "")
            is_number = after.isascii() and after.isdigit() and len(after) < 10
            return Answer(
                response.status_code,
                min(int(after), self._policy.max_retry_after_s) if is_number else 0,
                bytes(body[: self._policy.max_answer_bytes]),
            )

    async def _checked_address(self, url: httpx.URL) -> _Address:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(
            url.raw_host.decode(),
            url.port or {"https": 443}.get(url.scheme, 80),
            type=socket.SOCK_STREAM,
        )
        addresses = [ipaddress.ip_address(entry[4][0]) for entry in found]
        if not addresses:
            raise OSError("no address")
        if any(self.is_blocked(address) for address in addresses):
            raise TargetRefusedError(
                "the receiver's name leads to a link-local, metadata or multicast address; "
                "correct the sink, or allow that network"
            )
        return addresses[0]

    def is_blocked(self, address: _Address) -> bool:
        """Whether an address may not be posted to, also when written inside an IPv6 one."""
        address = _unwrapped(address)
        if any(address in network for network in self._policy.allowed_networks):
            return False
        return any(address in network for network in BLOCKED_NETWORKS)


def _unwrapped(address: _Address) -> _Address:
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if address.scope_id is not None:
            return ipaddress.IPv6Address(int(address))
    return address


async def deliver(
    deliveries: Sequence[Delivery],
    store: AlertStore,
    sinks: Mapping[str, Sink],
    sender: Sender,
    clock: Clock,
    policy: RetryPolicy,
) -> None:
    """Attempt each delivery once, side by side.

    A result is saved when it is known. Whatever dies before that is attempted again, under
    the same idempotency key. A delivery whose sink is gone from the configuration dies.
    """

    async def one(delivery: Delivery) -> None:
        sink = sinks.get(delivery.sink)
        if sink is None:
            outcome = Outcome(OutcomeKind.REFUSED, "no sink of this name is configured any more")
        else:
            request = render(sink, delivery.alert, delivery.delivery_id, clock.now_ms())
            outcome = await sender.attempt(sink, request)
        store.save(settle(delivery, outcome, clock.now_ms(), policy))

    async with asyncio.TaskGroup() as group:
        for delivery in deliveries:
            group.create_task(one(delivery))


def by_name(sinks: Iterable[Sink]) -> dict[str, Sink]:
    """Sinks by their name. Raises ValueError when two share one."""
    found: dict[str, Sink] = {}
    for sink in sinks:
        if sink.name in found:
            raise ValueError(f"two sinks are called {sink.name!r}; give each its own name")
        found[sink.name] = sink
    return found
