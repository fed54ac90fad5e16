"""Checks of URLs in app configurations: secrets travel only encrypted or inside one machine."""

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator


def is_private_name(host: str) -> bool:
    """Return whether a host can only be this machine or a neighbour in a container network."""
    if host == "localhost" or ("." not in host.strip("[]") and ":" not in host):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_base_url(url: str) -> str:
    """Return the URL without a trailing slash.

    Raises:
        ValueError: it is not an absolute http(s) URL, carries a user, query or fragment, or
            would send credentials in clear text over a network.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an absolute URL such as https://host/path")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must not contain a user, a query or a fragment")
    if parts.scheme == "http" and not is_private_name(parts.hostname):
        raise ValueError("must begin with https:// (http only works on this machine)")
    return url.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(check_base_url)]
"""An absolute URL without trailing slash, https unless local."""
