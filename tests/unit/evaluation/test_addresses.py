"""What belongs to the public internet, whatever form an address is wrapped in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.addresses import is_public


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
        "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1",
        "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "100::1", "::10.0.0.1", "::8.8.8.8",
    ],
)  # fmt: skip
def test_an_address_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "93.184.215.14", "2606:4700::1111", "2a00:1450::5"]
)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("form", ["::ffff:{}", "64:ff9b::{}"])
def test_an_ipv4_address_in_ipv6_clothes_is_judged_by_itself(form: str) -> None:
    assert is_public(form.format("8.8.8.8"))
    for inside in ("127.0.0.1", "10.0.0.1", "169.254.169.254"):
        assert not is_public(form.format(inside))


@pytest.mark.parametrize(
    "address",
    [
        *("2002:7f00:1::", "2002:808:808::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
        *("192.88.99.1", "64:ff9b:1::10.0.0.1", "64:ff9b:1::8.8.8.8"),
    ],
)
def test_tunnels_lead_nowhere_whatever_they_carry(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("word", ["", "nonsense", "127.1", "0x7f000001", "2130706433", "1.1.1.1.", "[::1]"])
def test_what_is_no_address_is_not_public(word: str) -> None:
    assert not is_public(word)


@given(st.ip_addresses(v=4))
def test_clothes_change_no_answer(address: object) -> None:
    assert is_public(f"::ffff:{address}") == is_public(f"64:ff9b::{address}") == is_public(str(address))
