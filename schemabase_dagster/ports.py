"""Ports on this machine: the usual one where it is free, any free one otherwise."""

import random
import socket
import urllib.error
import urllib.request

LOOPBACK = "127.0.0.1"
PROBE_SECONDS = 2.0

FREE_PORTS = range(20_000, 32_768)
"""Below those that Linux and macOS give to outgoing connections: one of these could take a port in
the moment between its choice and its use (Linux ip-sysctl, ``ip_local_port_range``)."""

# not the shared generator: whoever seeds that alike would choose alike
_RANDOM = random.SystemRandom()


def choose_port(preferred: int, *, host: str = LOOPBACK) -> int:
    """Return ``preferred`` when nothing listens there, else any free port."""
    return preferred if is_free(preferred, host=host) else free_port(host=host)


def free_port(*, host: str = LOOPBACK) -> int:
    """Return a port that is free now, and that only who asks for it by number can take."""
    shuffled = _RANDOM.sample(FREE_PORTS, len(FREE_PORTS))
    return next(port for port in shuffled if is_free(port, host=host))


def is_free(port: int, *, host: str = LOOPBACK) -> bool:
    """Say whether a server could listen on the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        # without it a port whose connections still linger in TIME_WAIT would look taken
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError:
            return False
        return True


def accepts(port: int, *, host: str = LOOPBACK) -> bool:
    """Say whether something accepts connections on the port."""
    try:
        with socket.create_connection((host, port), timeout=PROBE_SECONDS):
            return True
    except OSError:
        return False


def answers(url: str) -> bool:
    """Say whether a URL of ours answers with success."""
    try:
        with urllib.request.urlopen(url, timeout=PROBE_SECONDS) as response:  # noqa: S310
            return bool(200 <= response.status < 300)  # noqa: PLR2004
    except (urllib.error.URLError, OSError):
        return False
