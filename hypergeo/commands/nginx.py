"""``python -m hypergeo nginx``: the configuration of an nginx in front of several replicas of the app."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence

from .terminal import Terminal

__all__ = ["EPILOG", "add_arguments", "nginx_site", "run"]

EPILOG = """examples:
  two replicas on this machine, for readers of https://hypergeo.example.org:
    python -m hypergeo nginx --name hypergeo.example.org --certificate /etc/ssl/hypergeo.crt --key /etc/ssl/hypergeo.key
  four replicas on two machines, unencrypted, behind something that does the encryption:
    python -m hypergeo nginx --replicas 10.0.0.5:8501,10.0.0.5:8502,10.0.0.6:8501,10.0.0.6:8502 --listen 8080

Redirect it to /etc/nginx/conf.d/hypergeo.conf; nginx -t checks it, nginx -s reload takes it up. The replicas must share one
STREAMLIT_SERVER_COOKIE_SECRET. A reader stays on one replica, by a cookie; when that replica is gone the reader's page
connects to another by itself, and shows the same, since all that it shows is in its address."""

_PLACE = re.compile(r"(?P<host>[0-9]{1,3}(\.[0-9]{1,3}){3}|\[[0-9A-Fa-f:]+\]):(?P<port>[0-9]{1,5})")
_NAME = re.compile(r"[A-Za-z0-9*_][A-Za-z0-9._*-]*")
_PATH = re.compile(r"[\w./@:+-]+")
_MOST_REPLICAS = 64

_SITE = """\
# Written by: python -m hypergeo nginx
map $http_upgrade $hypergeo_connection {{
    default upgrade;
    '' '';
}}

# The replica that answered last is in a cookie, and asked first the next time. By address, a whole class that shares one
# would land on one replica.
map $cookie_hypergeo_replica $hypergeo_upstream {{
    default hypergeo_any;
{asked}
}}
map $upstream_addr $hypergeo_replica {{
    default '';
{answered}
}}
map "$cookie_hypergeo_replica $hypergeo_replica" $hypergeo_cookie {{
    default 'hypergeo_replica=$hypergeo_replica; Path=/; HttpOnly; SameSite=Lax{secure}';
    '~^(.*) \\1$' '';
    '~ $' '';
}}

{upstreams}

{redirect}server {{
    listen {listen};
    server_name {name};
{tls}
    client_max_body_size 6m;  # an upload of 5 MB, the most that the app takes, and its wrapping
    gzip on;
    gzip_proxied any;
    gzip_types text/css text/javascript application/javascript application/json;

    proxy_http_version 1.1;
    proxy_set_header Host $http_host;  # with its port: the app compares it with the page's origin
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $hypergeo_connection;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_connect_timeout 2s;
    proxy_next_upstream error timeout http_502 http_503;
    add_header Set-Cookie $hypergeo_cookie always;

    location / {{
        proxy_pass http://$hypergeo_upstream;
        proxy_read_timeout 30s;
    }}
    location ~ /_stcore/stream$ {{
        proxy_pass http://$hypergeo_upstream;
        proxy_read_timeout 1h;  # a reader may look at a page for long
    }}
}}
"""

_TLS = """\
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.2 TLSv1.3;
"""

_REDIRECT = """\
server {{
    listen {plain};
    server_name {name};
    return 301 https://$host$request_uri;
}}

"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommand's arguments."""
    parser.add_argument("--name", default="_", metavar="HOST", help="what readers call the site; any name by default")
    parser.add_argument(
        "--replicas",
        default="127.0.0.1:8501,127.0.0.1:8502",
        metavar="PLACES",
        help="where the replicas listen, separated by commas; 127.0.0.1:8501,127.0.0.1:8502 by default",
    )
    parser.add_argument("--listen", metavar="PLACE", help="where nginx listens; 443, or 80 without a certificate")
    parser.add_argument("--certificate", metavar="FILE", help="the site's certificate, with its chain")
    parser.add_argument("--key", metavar="FILE", help="the certificate's private key")
    parser.set_defaults(output=None, progress=False, quiet=True)


def run(given: argparse.Namespace, terminal: Terminal) -> None:
    """Writes the configuration to standard output."""
    replicas = [part.strip() for part in given.replicas.split(",") if part.strip()]
    terminal.write(nginx_site(replicas, name=given.name, listen=given.listen, certificate=given.certificate, key=given.key))


def nginx_site(
    replicas: Sequence[str],
    *,
    name: str = "_",
    listen: str | None = None,
    certificate: str | None = None,
    key: str | None = None,
) -> str:
    """A site for nginx 1.18 or newer, to be included within ``http { … }``.

    Every replica has a group of its own in which the others are its backups. The cookie names the replica that answered last,
    over HTTP or a websocket, so that a reader's downloads and uploads go where the reader's session is, also after a move.

    Args:
        replicas: where they listen, an IP address and a port each: names would not tell replicas apart.
        name: the site's.
        listen: port, or address and port; 443 with a certificate, 80 without, when left out. Readers who come to port 80 are
            sent to 443 where it is 443.
        certificate: file of the certificate; without one the site is not encrypted.
        key: file of its private key.

    Raises:
        ValueError: naming the argument, its value and what is allowed.

    Example:
        >>> site = nginx_site(["127.0.0.1:8501", "127.0.0.1:8502"])
        >>> "server 127.0.0.1:8502 backup;" in site, "listen 80;" in site, "ssl" in site
        (True, True, False)
    """
    if not 1 <= len(replicas) <= _MOST_REPLICAS or len(set(replicas)) < len(replicas):
        raise ValueError(f"replicas must be 1 to {_MOST_REPLICAS} different places; got {', '.join(replicas) or 'none'}.")
    for place in replicas:
        found = _PLACE.fullmatch(place)
        if found is None or not 1 <= int(found["port"]) <= 65535:
            raise ValueError(f"replicas must be IP addresses and ports, such as 127.0.0.1:8501; got {place!r}.")
    if (certificate is None) != (key is None):
        raise ValueError("certificate and key go together; one of them is missing.")
    listen = listen or ("80" if certificate is None else "443")
    for what, said, allowed in (("name", name, _NAME), ("certificate", certificate, _PATH), ("key", key, _PATH)):
        if said is not None and allowed.fullmatch(said) is None:
            raise ValueError(f"{what} must be without blanks, quotes and semicolons; got {said!r}.")
    port = _PLACE.fullmatch(listen if ":" in listen else f"0.0.0.0:{listen}")
    if port is None or not 1 <= int(port["port"]) <= 65535:
        raise ValueError(f"listen must be a port, or an address and a port; got {listen!r}.")
    numbered = list(enumerate(replicas, 1))
    groups = [("hypergeo_any", [_server(place) for place in replicas])]
    for number, own in numbered:
        others = [f"    server {place} backup;" for place in replicas if place != own]
        groups.append((f"hypergeo_{number}", [_server(own), *others]))
    secured = certificate is not None
    return _SITE.format(
        asked="\n".join(f"    {number} hypergeo_{number};" for number, _ in numbered),
        answered="\n".join(f"    '~(^| ){re.escape(place)}$' {number};" for number, place in numbered),
        upstreams="\n".join(_upstream(group, servers) for group, servers in groups).rstrip(),
        secure="; Secure" if secured else "",
        listen=f"{listen} ssl" if secured else listen,
        redirect=_REDIRECT.format(plain=80, name=name) if secured and listen == "443" else "",
        tls=_TLS.format(certificate=certificate, key=key) if secured else "",
        name=name,
    )


def _server(place: str) -> str:
    return f"    server {place} max_fails=1 fail_timeout=5s;"


def _upstream(group: str, servers: Sequence[str]) -> str:
    return "\n".join([f"upstream {group} {{", *servers, "}\n"])
