"""A certificate authority in memory, and what it signs."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH


@dataclass(frozen=True)
class Authority:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def sign(
        self,
        request_pem: bytes,
        *,
        until: datetime = NOW + timedelta(days=365),
        usage: x509.ObjectIdentifier | None = CLIENT,
        name: str | None = None,
    ) -> bytes:
        """Return a certificate (PEM) for a request, under another common name if one is given."""
        request = x509.load_pem_x509_csr(request_pem)
        subject = request.subject if name is None else _name(name)
        builder = _builder(subject, self.certificate.subject, request.public_key(), until)
        builder = builder.add_extension(self._identifier, critical=False)
        if usage is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        return builder.sign(self.key, SHA256()).public_bytes(Encoding.PEM)

    def sign_server(self, key_pem: bytes, address: str, since: datetime, until: datetime) -> bytes:
        """Return the certificate of a server at an IP address."""
        key = load_pem_private_key(key_pem, None).public_key()
        builder = _builder(_name("server"), self.certificate.subject, key, until, since)
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
        builder = builder.add_extension(names, critical=False).add_extension(self._identifier, critical=False)
        return builder.sign(self.key, SHA256()).public_bytes(Encoding.PEM)

    def below(self, name: str) -> "Authority":
        """Return an authority that this one vouches for."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(name), self.certificate.subject, key.public_key(), NOW + timedelta(days=999))
        builder = _as_authority(builder, key).add_extension(self._identifier, critical=False)
        return Authority(key, builder.sign(self.key, SHA256()))

    @property
    def _identifier(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())


def _as_authority(
    builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    """Add what Python 3.13 and later ask of one."""
    usage = x509.KeyUsage(
        key_cert_sign=True,
        crl_sign=True,
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return builder.add_extension(usage, critical=True).add_extension(identifier, critical=False)


def new_authority(name: str = "authority") -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(_name(name), _name(name), key.public_key(), NOW + timedelta(days=3650))
    return Authority(key, _as_authority(builder, key).sign(key, SHA256()))


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: object, until: datetime, since: datetime | None = None
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
    builder = builder.public_key(key).serial_number(x509.random_serial_number())  # type: ignore[arg-type]
    return builder.not_valid_before(since or until - timedelta(days=4000)).not_valid_after(until)
