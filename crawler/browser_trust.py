"""Make Chromium trust an authority: on Linux it reads no PEM file, only the NSS database in its HOME.

Written by NSS itself, which every Chromium there brings or needs (libnss3); its tool, certutil, is seldom installed.
"""

import ctypes
import ssl
from pathlib import Path

from core.errors import SettingsWrong

TRUSTED_CA = 0x18  # CERTDB_VALID_CA | CERTDB_TRUSTED_CA of certdb.h


class _Item(ctypes.Structure):
    _fields_ = (("kind", ctypes.c_int), ("data", ctypes.c_char_p), ("size", ctypes.c_uint))


class _Trust(ctypes.Structure):
    _fields_ = (("tls", ctypes.c_uint), ("mail", ctypes.c_uint), ("code", ctypes.c_uint))


def trust(ca_file: Path, home: Path) -> None:
    """Write the authorities of a PEM file into the NSS database that a Chromium with this HOME reads.

    home    a new folder
    raises  SettingsWrong when that cannot be done: the browser would refuse every page, and seem blocked
    """
    folder = home / ".pki" / "nssdb"
    folder.mkdir(parents=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(ca_file)
        nss = ctypes.CDLL("libnss3.so")
    except OSError as error:  # ssl.SSLError is one
        raise SettingsWrong(f"network.ca_file {ca_file} cannot be given to the browser: {error}") from None
    for name in ("CERT_GetDefaultCertDB", "CERT_NewTempCertificate", "PK11_GetInternalKeySlot"):
        getattr(nss, name).restype = ctypes.c_void_p
    if nss.NSS_InitReadWrite(f"sql:{folder}".encode()):
        raise SettingsWrong(f"{folder}: NSS makes no database there; network.ca_file cannot be given to the browser")
    slot, database = ctypes.c_void_p(nss.PK11_GetInternalKeySlot()), ctypes.c_void_p(nss.CERT_GetDefaultCertDB())
    nss.PK11_InitPin(slot, None, b"")
    refused = 0
    for number, der in enumerate(context.get_ca_certs(binary_form=True)):
        item = _Item(0, der, len(der))
        made = ctypes.c_void_p(nss.CERT_NewTempCertificate(database, ctypes.byref(item), None, 0, 1))
        if not made or nss.PK11_ImportCert(slot, made, 0, f"authority {number}".encode(), 0):
            refused += 1
        else:
            nss.CERT_ChangeCertTrust(database, made, ctypes.byref(_Trust(TRUSTED_CA, 0, 0)))
            nss.CERT_DestroyCertificate(made)
    nss.PK11_FreeSlot(slot)
    nss.NSS_Shutdown()
    if refused:
        raise SettingsWrong(f"{ca_file}: NSS takes {refused} of its certificates not; take them out of network.ca_file")
