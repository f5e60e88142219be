"""TLS as it is run: https, wss and SIPREC; old versions, plain text and wrong files refused."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from subtone.cli import main
from subtone.runtime.config import ConfigError
from subtone.runtime.live.tls import server_context
from support_serve import served

CALLS = Path(__file__).resolve().parents[3] / "examples" / "calls"
TIMEOUT_S = 10.0
PLAIN = serialization.NoEncryption()


def write_pair(folder: Path, name: str, encryption: object = PLAIN) -> tuple[str, str]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    assert isinstance(encryption, serialization.KeySerializationEncryption)
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    )
    return str(paths[0]), str(paths[1])


def exchanged(port: int, context: ssl.SSLContext | None, sent: bytes, enough: bytes) -> bytes:
    """What comes back on a fresh connection, until that is enough or the server closes."""
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as plain:
        wrapped = plain
        if context is not None:
            wrapped = context.wrap_socket(plain, server_hostname="127.0.0.1")
        with wrapped:
            wrapped.sendall(sent)
            got = b""
            while enough not in got:
                try:
                    piece = wrapped.recv(65_536)
                except ConnectionError:
                    break
                if not piece:
                    break
                got += piece
            return got


def test_https_wss_and_siprec_over_tls_as_they_are_run(tmp_path: Path) -> None:
    certificate, key = write_pair(tmp_path, "server")
    trust = ssl.create_default_context(cafile=certificate)
    pair = ("--http-tls-certificate", certificate, "--http-tls-key", key)
    sip = ("--sip-tls-certificate", certificate, "--sip-tls-key", key)
    bind = ("--sip-binds", "tls:127.0.0.1:0", "--rtp-port-min", "33000", "--rtp-port-max", "33100")
    with served(tmp_path / "journal", *pair, *sip, *bind) as server:
        assert server.url.startswith("https://127.0.0.1:")
        port = int(server.url.rpartition(":")[2])

        def health() -> int:
            return httpx.get(f"{server.url}/health", verify=trust, timeout=TIMEOUT_S).status_code

        assert health() == 200
        with pytest.raises(httpx.ConnectError):  # nobody vouches for the certificate
            httpx.get(f"{server.url}/health", timeout=TIMEOUT_S)

        # a media stream and its words
        call = str(CALLS / "calm.zh.flac")
        words = ["simulate", "twilio", call, server.url.replace("https", "wss", 1) + "/v1/streams"]
        text = ["--text", str(CALLS / "calm.zh.jsonl"), "--speed", "100"]
        told = {"SUBTONE_TOKEN": server.token, "SSL_CERT_FILE": certificate}
        taken = CliRunner().invoke(main, [*words, *text], env=told)
        assert taken.exit_code == 0, taken.output
        url = f"{server.url}/v1/calls/{taken.stdout.strip()}"
        found = httpx.get(url, headers=server.headers, verify=trust, timeout=TIMEOUT_S).json()
        assert found["call"]["event_count"] > 20
        refused = CliRunner().invoke(main, words, env={"SUBTONE_TOKEN": server.token})
        assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
        assert "certificate" in refused.stderr.lower()

        # what is no TLS, and what is too old
        request = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        assert b"200" not in exchanged(port, None, request, b"200")
        old = ssl.create_default_context(cafile=certificate)
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning):
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(ssl.SSLError):
            exchanged(port, old, b"", b"x")
        exact = ssl.create_default_context(cafile=certificate)
        exact.maximum_version = ssl.TLSVersion.TLSv1_2
        assert b"200 OK" in exchanged(port, exact, request, b"200 OK")
        assert health() == 200

        # the recording server
        (listening,) = server.binds
        sip_port = int(listening.rpartition(":")[2])
        options = (
            b"OPTIONS sip:srs@127.0.0.1 SIP/2.0\r\n"
            b"Via: SIP/2.0/TLS 127.0.0.1:5999;branch=z9hG4bK1\r\n"
            b"From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:srs@127.0.0.1>\r\nCall-ID: o1\r\n"
            b"CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
        assert exchanged(sip_port, trust, options, b"\r\n\r\n").startswith(b"SIP/2.0 200")
        assert b"SIP/2.0" not in exchanged(sip_port, None, options, b"SIP/2.0")
        assert exchanged(sip_port, trust, options, b"\r\n\r\n").startswith(b"SIP/2.0 200")


def test_wrong_files_are_said_in_one_line(tmp_path: Path) -> None:
    certificate, key = write_pair(tmp_path, "server")
    _, other = write_pair(tmp_path, "other")
    locked = write_pair(tmp_path, "locked", serialization.BestAvailableEncryption(b"passphrase"))
    noise = tmp_path / "noise.pem"
    noise.write_text("not a certificate")
    gone = str(tmp_path / "gone.pem")
    for files, names, cause in (
        ((certificate, other), other, "is not the key of"),
        ((gone, key), gone, "cannot be read"),
        ((certificate, gone), gone, "cannot be read"),
        ((str(noise), key), str(noise), "must be PEM"),
        ((certificate, str(noise)), str(noise), "must be PEM"),
        (locked, locked[1], "without a passphrase"),
        ((str(tmp_path), key), str(tmp_path), "cannot be read"),
    ):
        words = ["serve", "--port", "0", "--data", str(tmp_path / "journal")]
        words += ["--http-tls-certificate", files[0], "--http-tls-key", files[1]]
        answer = CliRunner().invoke(main, words)
        assert (answer.exit_code, answer.stderr.count("\n")) == (1, 1), answer.output
        assert names in answer.stderr
        assert cause in answer.stderr


def test_the_floor_is_tls_1_2_and_a_client_authority_is_checked(tmp_path: Path) -> None:
    certificate, key = write_pair(tmp_path, "server")
    context = server_context("sip", certificate, key, certificate)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    with pytest.raises(ConfigError, match=r"sip\.tls_client_ca: .*cannot be read"):
        server_context("sip", certificate, key, str(tmp_path / "gone"))
    with pytest.raises(ConfigError, match=r"sip\.tls_client_ca: .*no certificate"):
        server_context("sip", certificate, key, key)
