from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509 import load_pem_x509_csr

from appliance.provision.certificate import asks_for, check, new_key, private_key, request
from tests.provision.authority import CLIENT, NOW, SERVER, Authority, new_authority

KEY = new_key()
CSR = request(KEY, site="canteen-3", device="line-1")


@pytest.fixture(scope="module")
def authority() -> Authority:
    return new_authority()


def verdict(certificate: bytes, authority: Authority | None, *, key: bytes = KEY) -> None:
    check(certificate, key, device="line-1", authority=authority and authority.pem, now=NOW)


def test_a_request_names_the_box_and_is_signed_by_its_key() -> None:
    found = load_pem_x509_csr(CSR)
    assert found.subject.rfc4514_string() == "CN=line-1,O=canteen-3"
    assert found.is_signature_valid
    key = load_pem_private_key(KEY, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.curve.name == "secp256r1"


@pytest.mark.parametrize(
    ("csr", "key", "device", "same"),
    [
        (CSR, KEY, "line-1", True),
        (CSR, KEY, "line-2", False),
        (CSR, new_key(), "line-1", False),
        (b"no request", KEY, "line-1", False),
    ],
)
def test_a_request_is_told_from_others(csr: bytes, key: bytes, device: str, *, same: bool) -> None:
    assert asks_for(csr, key, site="canteen-3", device=device) is same


def test_a_good_certificate_passes(authority: Authority) -> None:
    verdict(authority.sign(CSR), authority)
    verdict(authority.sign(CSR), None)
    verdict(authority.sign(CSR, usage=None), authority)


def test_intermediate_authorities_are_followed(authority: Authority) -> None:
    between = authority.below("between")
    chain = between.sign(CSR) + between.pem.encode()
    verdict(chain, authority)
    with pytest.raises(ValueError, match="not signed by the authority"):
        verdict(between.sign(CSR), authority)


def test_a_certificate_that_is_not_valid_yet_passes(authority: Authority) -> None:
    check(
        authority.sign(CSR),
        KEY,
        device="line-1",
        authority=authority.pem,
        now=NOW - timedelta(days=20_000),
    )


def test_certificates_that_a_broker_would_refuse(authority: Authority) -> None:
    for certificate, key, found in (
        (authority.sign(CSR), new_key(), "does not belong to the key"),
        (authority.sign(CSR, name="line-2"), KEY, "is of line-2, not of line-1"),
        (authority.sign(CSR, until=NOW - timedelta(seconds=1)), KEY, "expired on 2026-06-01"),
        (authority.sign(CSR, usage=SERVER), KEY, "not for clients"),
        (new_authority().sign(CSR, usage=CLIENT), KEY, "not signed by the authority"),
        (b"-----BEGIN CERTIFICATE-----\nMII", KEY, "is no certificate"),
    ):
        with pytest.raises(ValueError, match=found):
            verdict(certificate, authority, key=key)


def test_a_private_key_that_cannot_be_used_is_refused_in_words() -> None:
    locked = load_pem_private_key(KEY, None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"passphrase")
    )
    for pem, found in ((locked, "is encrypted"), (b"", "is no private key"), (CSR, "is no private key")):
        with pytest.raises(ValueError, match=found):
            private_key(pem)
