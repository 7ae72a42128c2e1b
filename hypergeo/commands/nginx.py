"""The subcommand ``python -m hypergeo nginx``, which writes the configuration of nginx for several replicas of the app."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence

from .terminal import Terminal

__all__ = ["EPILOG", "add_arguments", "nginx_site", "run"]

EPILOG = """examples:
  two replicas on this machine, for visitors of https://hypergeo.example.org:
    python -m hypergeo nginx --name hypergeo.example.org --certificate /etc/ssl/hypergeo.crt --key /etc/ssl/hypergeo.key
  four replicas on two machines, unencrypted, behind a proxy that encrypts:
    python -m hypergeo nginx --replicas 10.0.0.5:8501,10.0.0.5:8502,10.0.0.6:8501,10.0.0.6:8502 --listen 8080

Redirect the output to /etc/nginx/conf.d/hypergeo.conf; nginx -t checks it, nginx -s reload activates it. The replicas must
share one STREAMLIT_SERVER_COOKIE_SECRET. A cookie keeps a visitor on one replica. If that replica stops, the page connects to
another one and shows the same, because its state is in its URL."""

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

# A cookie names the replica that answered last, so that it is asked first the next time. A choice by IP address would send a
# whole class that shares one address to one replica.
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
        proxy_read_timeout 1h;  # a visitor may look at a page for a long time
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
    """Adds the arguments of the subcommand.

    Args:
        parser: parser of the subcommand.
    """
    parser.add_argument("--name", default="_", metavar="HOST", help="host name of the site; any name by default")
    parser.add_argument(
        "--replicas",
        default="127.0.0.1:8501,127.0.0.1:8502",
        metavar="PLACES",
        help="addresses of the replicas, separated by commas; 127.0.0.1:8501,127.0.0.1:8502 by default",
    )
    parser.add_argument(
        "--listen", metavar="PLACE", help="address or port of nginx; 443 by default, or 80 without a certificate"
    )
    parser.add_argument("--certificate", metavar="FILE", help="the site's certificate, with its chain")
    parser.add_argument("--key", metavar="FILE", help="the certificate's private key")
    parser.set_defaults(output=None, progress=False, quiet=True)


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    """Writes the configuration to standard output.

    Args:
        arguments: parsed arguments.
        terminal: output of the configuration.
    """
    replicas = [part.strip() for part in arguments.replicas.split(",") if part.strip()]
    terminal.write(
        nginx_site(replicas, name=arguments.name, listen=arguments.listen, certificate=arguments.certificate, key=arguments.key)
    )


def nginx_site(
    replicas: Sequence[str],
    *,
    name: str = "_",
    listen: str | None = None,
    certificate: str | None = None,
    key: str | None = None,
) -> str:
    """Writes the configuration of a site for nginx 1.18 or newer, to be included within ``http { … }``.

    Every replica has its own upstream group, in which the other replicas are backups. The cookie names the replica that
    answered last, over HTTP or a websocket. Downloads and uploads therefore go to the replica of the session, also after a
    change of replica.

    Args:
        replicas: address of each replica: IP address and port. Host names would not distinguish replicas.
        name: host name of the site.
        listen: port, or address and port; by default 443 with a certificate and 80 without. If it is 443, port 80 redirects to
            it.
        certificate: file of the certificate; the site is not encrypted without it.
        key: file of the certificate's private key.

    Returns:
        Text of the configuration.

    Raises:
        ValueError: if an argument is invalid; the message names the argument, its value and what is allowed.

    Example:
        >>> site = nginx_site(["127.0.0.1:8501", "127.0.0.1:8502"])
        >>> "server 127.0.0.1:8502 backup;" in site, "listen 80;" in site, "ssl" in site
        (True, True, False)
    """
    if not 1 <= len(replicas) <= _MOST_REPLICAS or len(set(replicas)) < len(replicas):
        raise ValueError(f"replicas must be 1 to {_MOST_REPLICAS} different places; got {', '.join(replicas) or 'none'}.")
    for place in replicas:
        match = _PLACE.fullmatch(place)
        if match is None or not 1 <= int(match["port"]) <= 65535:
            raise ValueError(f"replicas must be IP addresses and ports, such as 127.0.0.1:8501; got {place!r}.")
    if (certificate is None) != (key is None):
        raise ValueError("certificate and key go together; one of them is missing.")
    listen = listen or ("80" if certificate is None else "443")
    for what, value, allowed in (("name", name, _NAME), ("certificate", certificate, _PATH), ("key", key, _PATH)):
        if value is not None and allowed.fullmatch(value) is None:
            raise ValueError(f"{what} must be without blanks, quotes and semicolons; got {value!r}.")
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
