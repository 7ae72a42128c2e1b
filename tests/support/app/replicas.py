"""Replicas of the app behind a real nginx on this machine; tests may kill and restart them."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from hypergeo.commands.nginx import nginx_site

__all__ = ["COOKIE", "Front", "check", "front", "missing_programs", "require_nginx"]

COOKIE = "hypergeo_replica"
ROOT = Path(__file__).parents[3]
_NGINX = """\
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/hypergeo.conf;
}}
"""


def missing_programs() -> list[str]:
    """Returns the names of programs that replicas need and this machine lacks."""
    path = f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin{os.pathsep}/usr/local/sbin"
    return [name for name in ("nginx", "openssl") if shutil.which(name, path=path) is None]


def require_nginx() -> None:
    """Skips a test where nginx or openssl is missing, or fails it where they are required."""
    if missing := missing_programs():
        reason = f"no {' and no '.join(missing)} on this machine"
        if os.environ.get("HYPERGEO_REQUIRE_NGINX") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


def check(folder: Path) -> str:
    """Returns the errors that nginx reports for the site in a folder's ``hypergeo.conf``."""
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder))
    done = subprocess.run([*_command(folder), "-t", "-q"], capture_output=True, text=True, check=False)
    return done.stderr


def _command(folder: Path) -> list[str]:
    path = f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin{os.pathsep}/usr/local/sbin"
    program = shutil.which("nginx", path=path) or "nginx"
    return [program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]


@dataclass
class Front:
    """An nginx and the replicas behind it.

    Attributes:
        address: address of the site.
        trusted: TLS context that accepts the site's certificate.
        folder: folder of the certificate, the configuration and the logs.
        ports: ports of the replicas.
        processes: processes of the replicas, by their number in the cookie.
    """

    address: str
    trusted: ssl.SSLContext
    folder: Path
    ports: list[int]
    processes: dict[int, subprocess.Popen[bytes]]

    def start(self, number: int) -> None:
        """Starts a replica that is not running."""
        with (self.folder / f"replica{number}.log").open("ab") as log:
            self.processes[number] = subprocess.Popen(
                [
                    *(sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"),
                    *("--server.address", "127.0.0.1", "--server.port", str(self.ports[number - 1])),
                ],
                cwd=ROOT,
                # Numbers must not depend on how many threads a machine would take.
                env={**os.environ, "STREAMLIT_SERVER_COOKIE_SECRET": "of this test", "OMP_NUM_THREADS": str(number)},
                stdout=log,
                stderr=log,
            )

    def wait_for(self, number: int, seconds: float = 60) -> None:
        """Waits until a replica reports that it is healthy."""
        deadline = time.monotonic() + seconds
        address = f"http://127.0.0.1:{self.ports[number - 1]}/_stcore/health"
        while True:
            assert self.processes[number].poll() is None, (self.folder / f"replica{number}.log").read_text()
            try:
                with urlopen(address, timeout=2) as answer:
                    assert answer.read() == b"ok"
                    return
            except OSError:  # nobody listens yet, or does but does not answer
                assert time.monotonic() < deadline, f"replica {number} did not start"
                time.sleep(0.1)

    def kill(self, number: int) -> None:
        """Ends a replica without a warning."""
        self.processes[number].kill()
        self.processes[number].wait(20)

    def ask(self, path: str, cookies: dict[str, str], timeout: float = 10) -> int:
        """Requests a path of the site as a browser would, and keeps the cookies of the response.

        Args:
            path: path on the site.
            cookies: cookies to send; those of the response are added.
            timeout: longest time to wait for the response, in seconds.

        Returns:
            HTTP status of the response.
        """
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        with urlopen(Request(self.address + path, headers=headers), timeout=timeout, context=self.trusted) as answer:
            for header in answer.headers.get_all("Set-Cookie", []):
                cookies |= {name: morsel.value for name, morsel in SimpleCookie(header).items()}
            answer.read()
            return int(answer.status)


@contextmanager
def front(folder: Path, replicas: int = 2) -> Iterator[Front]:
    """Starts nginx and its replicas, and ends them with the block.

    Args:
        folder: empty folder for certificate, configuration and logs.
        replicas: number of replicas.

    Yields:
        The running site.
    """
    certificate, key = folder / "site.crt", folder / "site.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    site, *ports = _free_ports(1 + replicas)
    places = [f"127.0.0.1:{port}" for port in ports]
    listen = f"127.0.0.1:{site}"
    (folder / "hypergeo.conf").write_text(nginx_site(places, listen=listen, certificate=str(certificate), key=str(key)))
    assert check(folder) == ""
    trusted = ssl.create_default_context(cafile=str(certificate))
    running = Front(f"https://{listen}", trusted, folder, ports, {})
    with subprocess.Popen(_command(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            for number in range(1, replicas + 1):
                running.start(number)
            for number in range(1, replicas + 1):
                running.wait_for(number)
            yield running
        finally:
            for process in running.processes.values():
                process.kill()
                process.wait(20)
            server.terminate()
            server.wait(20)


def _free_ports(number: int) -> list[int]:
    probes = [socket.socket() for _ in range(number)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
