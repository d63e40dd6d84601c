"""Keys, requests and certificates: made and checked, never written; X.509 as RFC 5280 has it."""

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_CLIENT = {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}


def new_key() -> bytes:
    """Return a fresh private key on the curve P-256: PEM, PKCS #8, not encrypted."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )


def request(key_pem: bytes, *, site: str, device: str) -> bytes:
    """Return a certificate request (PEM) of the box: its name as CN, the site as O."""
    key = private_key(key_pem)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the box's own key is on no elliptic curve")
    name = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, site), x509.NameAttribute(NameOID.COMMON_NAME, device)]
    )
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name).add_extension(usage, critical=False)
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


def asks_for(request_pem: bytes, key_pem: bytes, *, site: str, device: str) -> bool:
    """Whether a certificate request is that of this box and key."""
    try:
        found = x509.load_pem_x509_csr(request_pem)
    except ValueError:
        return False
    names = {attribute.oid: attribute.value for attribute in found.subject}
    wanted = {NameOID.ORGANIZATION_NAME: site, NameOID.COMMON_NAME: device}
    return names == wanted and _spki(found.public_key()) == _spki(private_key(key_pem).public_key())


def private_key(pem: bytes) -> PrivateKeyTypes:
    """Read a private key; raises ValueError in words that quote nothing of it."""
    try:
        return load_pem_private_key(pem, password=None)
    except TypeError:
        raise ValueError("is encrypted; give it without a passphrase") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("is no private key (PEM); copy it with its BEGIN and END lines") from None


def certificates(pem: bytes) -> Sequence[x509.Certificate]:
    """Read one certificate or more; raises ValueError in words."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise ValueError("is no certificate (PEM); copy it with its BEGIN and END lines") from None


def check(
    certificate_pem: bytes, key_pem: bytes, *, device: str, authority: str | None, now: datetime
) -> None:
    """Make sure that a broker can take a certificate as this box's; raises ValueError in words.

    The first certificate is the box's, those after it lead to `authority` (PEM) where that is given. That it
    is not valid yet is no fault: a box whose clock was never set lives in the past.
    """
    leaf, *between = certificates(certificate_pem)
    names = [str(name.value) for name in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if _spki(leaf.public_key()) != _spki(private_key(key_pem).public_key()):
        raise ValueError("does not belong to the key; sign this box's own request")
    if names != [device]:
        raise ValueError(
            f"is of {', '.join(names) or 'nobody'}, not of {device}; brokers tell boxes apart by the"
            " certificate's common name: sign this box's own request"
        )
    if leaf.not_valid_after_utc <= now:
        raise ValueError(f"expired on {leaf.not_valid_after_utc:%Y-%m-%d}; sign the request again")
    if not _is_for_clients(leaf):
        raise ValueError("is not for clients; sign the request with extendedKeyUsage=clientAuth")
    if authority is not None and not _leads_to(leaf, between, certificates(authority.encode())):
        raise ValueError("is not signed by the authority given; name the one that signed it as identity.ca")


def _is_for_clients(certificate: x509.Certificate) -> bool:
    """Whether it may be shown to a server: a certificate that names no purposes serves all."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        return True
    return bool(_CLIENT & set(usage.value))


def _leads_to(
    leaf: x509.Certificate, between: Sequence[x509.Certificate], authorities: Sequence[x509.Certificate]
) -> bool:
    at, left = leaf, list(between)
    while not any(_signed(at, authority) for authority in authorities):
        issuer = next((one for one in left if _signed(at, one)), None)
        if issuer is None:
            return False
        left.remove(issuer)
        at = issuer
    return True


def _signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _spki(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
