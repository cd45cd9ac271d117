#!/usr/bin/env python3
"""Reads enclave image files and attestation documents without any of the project's own code.

    eif_and_document.py eif FILE         the measurements of an image: PCR0, PCR1, PCR2 and, where it is signed, PCR8
    eif_and_document.py document FILE    an attestation document, taken apart ("-" reads standard input)

Prints JSON. Exit status 0, or 1 where the file is malformed. Python's standard library is all it needs: the end-to-end tests
compare what it says with what the project says, so that a mistake would have to be made twice, in two languages.
"""

import base64
import hashlib
import json
import struct
import sys
import zlib

from cbor import Malformed, Tagged, decode_cbor, encode_bytes
from p384 import public_key_of, verify_es384


# ---- Enclave image files --------------------------------------------------------------------------------------------

EIF_HEADER_LENGTH = 548
SECTION_HEADER = struct.Struct(">HHQ")
SECTION_NAMES = {1: "kernel", 2: "cmdline", 3: "ramdisk", 4: "signature", 5: "metadata"}


def extend(value, data):
    """What a register holds after it has been extended by the data."""
    return hashlib.sha384(value + data).digest()


def measure(*parts):
    """What a register holds that has been extended once, from zero, by the digest of a content."""
    return extend(bytes(48), hashlib.sha384(b"".join(parts)).digest()).hex()


def role_pcr(role_arn):
    """PCR3 of an enclave whose parent instance has an IAM role."""
    return extend(bytes(48), role_arn.encode()).hex()


def instance_pcr(instance_id):
    """PCR4."""
    return extend(bytes(48), instance_id.encode()).hex()


def eif_sections(image):
    """The (type, data) of each section in file order, and where the last one ends."""
    if len(image) < EIF_HEADER_LENGTH:
        raise Malformed("the header is cut off")
    sections = []
    position = EIF_HEADER_LENGTH
    while len(image) - position >= SECTION_HEADER.size:
        kind, _, size = SECTION_HEADER.unpack_from(image, position)
        position += SECTION_HEADER.size
        if kind not in SECTION_NAMES:
            raise Malformed(f"section type {kind}")
        if size > len(image) - position:
            raise Malformed(f"the {SECTION_NAMES[kind]} section is cut off")
        sections.append((SECTION_NAMES[kind], image[position : position + size]))
        position += size
    return sections, position


def eif_crc(image, end):
    """The CRC-32 of everything but the header's last four bytes, in which it stands itself."""
    return zlib.crc32(image[EIF_HEADER_LENGTH:end], zlib.crc32(image[: EIF_HEADER_LENGTH - 4]))


def signing_certificate(section):
    """The DER of the first certificate in a signature section."""
    signatures = decode_cbor(section)
    try:
        pem = bytes(signatures[0]["signing_certificate"]).decode("ascii")
        body = pem.split("-----BEGIN CERTIFICATE-----")[1].split("-----END CERTIFICATE-----")[0]
        return base64.b64decode(body)
    except (LookupError, TypeError, ValueError) as error:
        raise Malformed(f"the signature section holds no certificate: {error!r}") from error


def describe_eif(image):
    sections, end = eif_sections(image)
    code = [data for kind, data in sections if kind in ("kernel", "cmdline")]
    ramdisks = [data for kind, data in sections if kind == "ramdisk"]
    description = {
        # Kernel, command line and ramdisks count in file order.
        "PCR0": measure(*(data for kind, data in sections if kind in ("kernel", "cmdline", "ramdisk"))),
        "PCR1": measure(*code, *ramdisks[:1]),
        "PCR2": measure(*ramdisks[1:]),
    }
    for kind, data in sections:
        if kind == "signature":
            description["PCR8"] = measure(signing_certificate(data))
        elif kind == "metadata":
            try:
                description["metadata"] = json.loads(data)
            except ValueError as error:
                raise Malformed(f"the metadata is not JSON: {error}") from error
    description["crc_ok"] = eif_crc(image, end) == int.from_bytes(image[EIF_HEADER_LENGTH - 4 : EIF_HEADER_LENGTH], "big")
    description["cmdline"] = b"".join(data for kind, data in sections if kind == "cmdline").decode("utf-8", "replace")
    description["sections"] = [{"type": kind, "size": len(data)} for kind, data in sections]
    return description


# ---- Attestation documents -----------------------------------------------------------------------------------------------

FIELDS = ("module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle", "public_key", "user_data", "nonce")
SIGN1_TAG = 18
ES384_HEADER = {1: -35}


def hex_or_none(value):
    if value is not None and not isinstance(value, bytes):
        raise Malformed("an optional field is neither bytes nor null")
    return None if value is None else value.hex()


def sha256(certificate):
    return hashlib.sha256(certificate).hexdigest()


def signature_is_good(protected, payload, signature, certificate):
    """Whether the leaf's key signed the document. Whether the leaf is to be trusted is another question, and not asked here."""
    message = b"\x84\x6aSignature1" + encode_bytes(protected) + b"\x40" + encode_bytes(payload)
    try:
        return verify_es384(public_key_of(certificate), message, signature)
    except Malformed:
        return False


def describe_document(document):
    outer = decode_cbor(document)
    tagged = isinstance(outer, Tagged)
    parts = outer.value if tagged and outer.tag == SIGN1_TAG else outer
    if not isinstance(parts, list) or len(parts) != 4:
        raise Malformed("not a COSE_Sign1")
    protected, unprotected, payload, signature = parts
    if not all(isinstance(part, bytes) for part in (protected, payload, signature)) or unprotected != {}:
        raise Malformed("not the COSE_Sign1 of an attestation document")
    if decode_cbor(protected) != ES384_HEADER:
        raise Malformed("the algorithm is not ES384")
    fields = decode_cbor(payload)
    if not isinstance(fields, dict):
        raise Malformed("the payload is not a map")
    try:
        return {
            "module_id": fields["module_id"],
            "digest": fields["digest"],
            "timestamp": fields["timestamp"],
            "pcrs": {str(index): value.hex() for index, value in sorted(fields["pcrs"].items())},
            "public_key": hex_or_none(fields.get("public_key")),
            "user_data": hex_or_none(fields.get("user_data")),
            "nonce": hex_or_none(fields.get("nonce")),
            "certificate_sha256": sha256(fields["certificate"]),
            "cabundle_sha256": [sha256(certificate) for certificate in fields["cabundle"]],
            "signature_ok": signature_is_good(protected, payload, signature, fields["certificate"]),
            "tagged": tagged,
            "length": len(document),
            "payload_length": len(payload),
            "payload_first_byte": payload[:1].hex(),
            "key_order": list(fields),
            "extra_keys": [key for key in fields if key not in FIELDS],
        }
    except (LookupError, TypeError, AttributeError) as error:
        raise Malformed(f"a field is missing or of another type: {error!r}") from error


def main(arguments):
    commands = {"eif": describe_eif, "document": describe_document}
    if len(arguments) != 2 or arguments[0] not in commands:
        print(__doc__, file=sys.stderr)
        return 2
    command, path = arguments
    if path == "-":
        data = sys.stdin.buffer.read()
    else:
        with open(path, "rb") as file:
            data = file.read()
    try:
        print(json.dumps(commands[command](data), indent=2, ensure_ascii=False))
        return 0
    except Malformed as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
