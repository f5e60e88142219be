"""How bytes lie on disk: as they are, or sealed with the caller's key.

Sealed, every body (record, vector, voiceprint, receipt) is AES-256-GCM with a random 96-bit
nonce before it and its place in the database as associated data, so that no body can be moved
to another row unseen (NIST SP 800-38D). What must be found by equality (ids, emotion, language,
role, source) lies as the first 16 bytes of its HMAC-SHA-256 under a key of its own. What
remains to be seen on disk: times of arrival, sizes, counts, names of spaces, and which records
share a value, though not the value.
"""

from __future__ import annotations

import hmac
import os
from typing import Final, Protocol

from subtone.memory.errors import MemoryCorruptError, MemoryKeyError, MemoryStoreError

KEY_BYTES: Final = 32
SALT_BYTES: Final = 16
NONCE_BYTES: Final = 12
TOKEN_BYTES: Final = 16
_CHECK: Final = b"subtone memory"
_CHECK_PLACE: Final = "identity"


class Vault(Protocol):
    """Turns content into what lies on disk, and back."""

    @property
    def is_sealed(self) -> bool:
        """Whether what lies on disk tells nothing without the key."""
        ...

    def seal(self, content: bytes, place: str) -> bytes:
        """What lies on disk at this place."""
        ...

    def unseal(self, body: bytes, place: str) -> bytes:
        """The content again. Raises MemoryCorruptError."""
        ...

    def token(self, column: str, value: str) -> bytes:
        """What equal values of one column have in common."""
        ...


class PlainVault:
    """Bytes as they are."""

    is_sealed = False

    def seal(self, content: bytes, place: str) -> bytes:  # noqa: ARG002 - the protocol's
        """The content."""
        return content

    def unseal(self, body: bytes, place: str) -> bytes:  # noqa: ARG002 - the protocol's
        """The body."""
        return body

    def token(self, column: str, value: str) -> bytes:  # noqa: ARG002 - the protocol's
        """The value in UTF-8."""
        return value.encode()


class SealedVault:
    """Bytes under keys derived from the caller's (HKDF-SHA-256, RFC 5869, salted per memory)."""

    is_sealed = True

    def __init__(self, key: bytes, salt: bytes) -> None:
        try:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
            from cryptography.hazmat.primitives.hashes import SHA256
            from cryptography.hazmat.primitives.kdf.hkdf import HKDF
        except ModuleNotFoundError as missing:
            raise MemoryStoreError("cryptography is missing: install subtone[memory]") from missing
        if len(key) != KEY_BYTES:
            raise MemoryKeyError(f"the key has {len(key)} bytes: give {KEY_BYTES} random ones")
        derived = HKDF(SHA256(), 2 * KEY_BYTES, salt, b"subtone memory store").derive(key)
        self._cipher = AESGCM(derived[:KEY_BYTES])
        self._token_key = derived[KEY_BYTES:]

    def seal(self, content: bytes, place: str) -> bytes:
        """Nonce, ciphertext, tag: 28 bytes longer than the content."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, place.encode())

    def unseal(self, body: bytes, place: str) -> bytes:
        """The content. Raises MemoryCorruptError where it is not what was sealed there."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(body[:NONCE_BYTES], body[NONCE_BYTES:], place.encode())
        except (InvalidTag, ValueError) as error:
            raise MemoryCorruptError(
                f"{place} is not what was written there: restore the memory from a copy"
            ) from error

    def token(self, column: str, value: str) -> bytes:
        """A keyed digest of column and value."""
        message = f"{column}\0{value}".encode()
        return hmac.digest(self._token_key, message, "sha256")[:TOKEN_BYTES]


def new_identity(key: bytes | None) -> tuple[bytes, bytes | None]:
    """Salt and key check of a new memory."""
    salt = os.urandom(SALT_BYTES)
    return salt, None if key is None else SealedVault(key, salt).seal(_CHECK, _CHECK_PLACE)


def vault_of(key: bytes | None, salt: bytes, key_check: bytes | None) -> Vault:
    """The vault of an existing memory. Raises MemoryKeyError where the key is not its own."""
    if key is None:
        if key_check is not None:
            raise MemoryKeyError("this memory is encrypted: give its key")
        return PlainVault()
    if key_check is None:
        raise MemoryKeyError("this memory is not encrypted: leave the key out, or begin a new one")
    vault = SealedVault(key, salt)
    try:
        vault.unseal(key_check, _CHECK_PLACE)
    except MemoryCorruptError as error:
        raise MemoryKeyError("this memory was encrypted with another key") from error
    return vault
