"""A certificate authority for one test: a certificate of the broker and one of the client, made with openssl."""

import os
import subprocess


class Certificates:
    """ca: PEM; server_keystore: PEM with key and certificate; client_certificate, client_key: PEM, CN=rootnote."""

    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        self.ca, key = self._path("ca.pem"), self._path("ca.key")
        self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test authority",
                      "-keyout", key, "-out", self.ca)
        server_key, server = self._sign("server", "/CN=127.0.0.1")
        self.client_key, self.client_certificate = self._sign("client", "/CN=rootnote")
        self.server_keystore = self._path("server-keystore.pem")
        with open(self.server_keystore, "w", encoding="utf-8") as out:
            for part in (server_key, server, self.ca):
                with open(part, encoding="utf-8") as file:
                    out.write(file.read())

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _sign(self, name, subject):
        key, request, certificate = (self._path(f"{name}.{end}") for end in ("key", "csr", "pem"))
        extension = self._path(f"{name}.ext")
        with open(extension, "w", encoding="utf-8") as file:
            file.write("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        self._openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", subject, "-keyout", key, "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self._path("ca.key"), "-CAcreateserial",
                      "-days", "2", "-extfile", extension, "-out", certificate)
        return key, certificate

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=60)
