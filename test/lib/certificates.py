"""Authorities and certificates for tests, made with openssl(1)."""
import hashlib
import subprocess


def openssl(*words, input=None):
    return subprocess.run(["openssl", *map(str, words)], input=input, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout


KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class Authority:
    def __init__(self, directory, name):
        self.directory, self.name = directory, name
        self.pem, self.key = directory / f"{name}.pem", directory / f"{name}.key"
        openssl("req", "-x509", *KEY, "-keyout", self.key, "-out", self.pem,
                "-subj", f"/CN={name}", "-days", 30)
        self.pem.chmod(0o644)

    def issue(self, name, *hosts, days=10, file=None):
        """(certificate, key) for the hosts; days below 0: it has expired."""
        base = self.directory / (file or name)
        pem, key = base.with_suffix(".crt"), base.with_suffix(".key")
        request, extension = base.with_suffix(".csr"), base.with_suffix(".ext")
        openssl("req", *KEY, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        extension.write_text("subjectAltName=" + ",".join(f"DNS:{host}" for host in hosts))
        openssl("x509", "-req", "-in", request, "-CA", self.pem, "-CAkey", self.key,
                "-days", days, "-extfile", extension, "-out", pem)
        return pem, key


def self_signed(directory, name, *hosts):
    pem, key = directory / f"{name}.crt", directory / f"{name}.key"
    openssl("req", "-x509", *KEY, "-keyout", key, "-out", pem, "-subj", f"/CN={name}",
            "-days", 10, "-addext", "subjectAltName=" + ",".join(f"DNS:{h}" for h in hosts))
    return pem, key


def tlsa(pem, usage, selector, matching):
    """(usage, selector, matching, data) of a TLSA record for the certificate."""
    der = openssl("x509", "-in", pem, "-outform", "DER")
    if selector == 1:
        public = openssl("x509", "-in", pem, "-noout", "-pubkey")
        der = openssl("pkey", "-pubin", "-outform", "DER", input=public)
    data = {0: lambda: der, 1: lambda: hashlib.sha256(der).digest(),
            2: lambda: hashlib.sha512(der).digest()}[matching]()
    return usage, selector, matching, data
