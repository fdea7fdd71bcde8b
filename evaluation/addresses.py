"""Which IP addresses belong to the public internet: the one answer, for what is fetched and for what is told. Pure.

Whoever connects where a stranger says must resolve the name, ask here about every address, and connect to an address
that was asked about. Strict: what is not known to be public is not.
"""

from __future__ import annotations

import ipaddress

_PUBLIC_IPV6 = ipaddress.ip_network("2000::/3")
"""All that was ever given out as global unicast (RFC 4291, IANA). Site-local and IPv4-compatible forms lie outside."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""How every IPv4 host looks on networks that have IPv6 alone (RFC 6052): judged by the IPv4 address inside."""
_TUNNELS = tuple(map(ipaddress.ip_network, ("2002::/16", "2001::/32", "192.88.99.0/24")))
"""6to4, Teredo and the relays of 6to4 (RFC 3056, 4380, 7526): no server is published there, but a gateway nearby may
lead them to an IPv4 address inside the house."""


def is_public(address: str) -> bool:
    """Whether an IP address, written as ``getaddrinfo`` does, belongs to the public internet; False for other words."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or (ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None)
        if inner is not None:
            return is_public(str(inner))
        if ip not in _PUBLIC_IPV6:
            return False
    return ip.is_global and not ip.is_multicast and not any(ip in tunnel for tunnel in _TUNNELS)
