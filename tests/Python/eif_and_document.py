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


class Malformed(ValueError):
    """The file is not what it should be."""


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


# ---- CBOR (RFC 8949), as much of it as these files hold -----------------------------------------------------------------

MAX_DEPTH = 8
BREAK = object()


class Tagged:
    def __init__(self, tag, value):
        self.tag = tag
        self.value = value


class CborDecoder:
    def __init__(self, data):
        self.data = data
        self.position = 0

    def take(self, count):
        if count > len(self.data) - self.position:
            raise Malformed(f"{count} bytes at {self.position} run over the end")
        self.position += count
        return self.data[self.position - count : self.position]

    def item(self, depth=0):
        if depth > MAX_DEPTH:
            raise Malformed("nested too deeply")
        major, info = divmod(self.take(1)[0], 32)
        if info == 31:
            return self.indefinite(major, depth)
        if info > 27:
            raise Malformed(f"additional information {info}")
        argument = info if info < 24 else int.from_bytes(self.take(1 << (info - 24)), "big")
        if major == 0:
            return argument
        if major == 1:
            return -1 - argument
        if major == 2:
            return bytes(self.take(argument))
        if major == 3:
            return self.text(self.take(argument))
        if major == 4:
            return self.array(argument, depth)
        if major == 5:
            return self.map(argument, depth)
        if major == 6:
            return Tagged(argument, self.value(depth))
        if info in (20, 21, 22):
            return {20: False, 21: True, 22: None}[info]
        raise Malformed(f"simple value {argument}")

    def value(self, depth):
        item = self.item(depth + 1)
        if item is BREAK:
            raise Malformed("a break in the wrong place")
        return item

    def indefinite(self, major, depth):
        if major == 7:
            return BREAK
        if major not in (4, 5):
            raise Malformed("a string in chunks")
        items = []
        while (item := self.item(depth + 1)) is not BREAK:
            items.append(item)
        if major == 4:
            return items
        if len(items) % 2:
            raise Malformed("a key without a value")
        return self.unique(zip(items[::2], items[1::2]))

    def array(self, count, depth):
        if count > len(self.data) - self.position:
            raise Malformed("an array of more items than bytes")
        return [self.value(depth) for _ in range(count)]

    def map(self, count, depth):
        if count > (len(self.data) - self.position) // 2:
            raise Malformed("a map of more entries than bytes")
        return self.unique((self.value(depth), self.value(depth)) for _ in range(count))

    @staticmethod
    def unique(pairs):
        result = {}
        for key, value in pairs:
            if type(key) not in (int, str) or key in result:
                raise Malformed(f"the key {key!r} is of another type or stands twice")
            result[key] = value
        return result

    @staticmethod
    def text(data):
        try:
            return bytes(data).decode("utf-8")
        except UnicodeDecodeError as error:
            raise Malformed(f"text is not UTF-8: {error}") from error


def decode_cbor(data):
    decoder = CborDecoder(data)
    item = decoder.item()
    if item is BREAK or decoder.position != len(data):
        raise Malformed("more, or less, than one CBOR item")
    return item


def encode_bytes(data):
    """A CBOR byte string."""
    length = len(data)
    if length < 24:
        return bytes([0x40 | length]) + data
    if length < 256:
        return bytes([0x58, length]) + data
    if length < 65536:
        return b"\x59" + length.to_bytes(2, "big") + data
    return b"\x5a" + length.to_bytes(4, "big") + data


# ---- ECDSA over P-384 (FIPS 186-5), verification only: slow, and short enough to be read ---------------------------------

P = 2**384 - 2**128 - 2**96 + 2**32 - 1
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973
A = P - 3
B = 0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF
G = (
    0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
    0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F,
)


def add_points(left, right):
    if left is None or right is None:
        return left or right
    (x1, y1), (x2, y2) = left, right
    if x1 == x2:
        if (y1 + y2) % P == 0:
            return None
        slope = (3 * x1 * x1 + A) * pow(2 * y1, -1, P)
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, P)
    x = (slope * slope - x1 - x2) % P
    return x, (slope * (x1 - x) - y1) % P


def multiply_point(factor, point):
    product = None
    while factor:
        if factor & 1:
            product = add_points(product, point)
        point = add_points(point, point)
        factor >>= 1
    return product


def verify_es384(key, message, signature):
    """Whether r || s is the key's signature of the message's SHA-384."""
    if len(signature) != 96 or (key[1] ** 2 - key[0] ** 3 - A * key[0] - B) % P:
        return False
    r, s = int.from_bytes(signature[:48], "big"), int.from_bytes(signature[48:], "big")
    if not (0 < r < N and 0 < s < N):
        return False
    digest = int.from_bytes(hashlib.sha384(message).digest(), "big")
    inverse = pow(s, -1, N)
    point = add_points(multiply_point(digest * inverse % N, G), multiply_point(r * inverse % N, key))
    return point is not None and point[0] % N == r


def der_elements(data):
    """The (tag, content) of each DER element that stands in the data."""
    position = 0
    while position < len(data):
        tag, length, position = data[position], data[position + 1], position + 2
        if length & 0x80:
            count = length & 0x7F
            length, position = int.from_bytes(data[position : position + count], "big"), position + count
        if length > len(data) - position:
            raise Malformed("a DER element is cut off")
        yield tag, data[position : position + length]
        position += length


P384_ALGORITHM = bytes.fromhex("06072a8648ce3d020106052b81040022")


def public_key_of(certificate):
    """The P-384 key of an X.509 certificate, as a point."""
    try:
        ((_, body),) = der_elements(certificate)
        (_, to_be_signed), *_ = der_elements(body)
        # version, serial number, signature algorithm, issuer, validity, subject, key
        (_, key_info) = list(der_elements(to_be_signed))[6]
        (_, algorithm), (_, key) = der_elements(key_info)
    except (IndexError, ValueError) as error:
        raise Malformed(f"the certificate is not X.509: {error}") from error
    if algorithm != P384_ALGORITHM or len(key) != 98 or key[:2] != b"\x00\x04":
        raise Malformed("the certificate's key is not on P-384")
    return int.from_bytes(key[2:50], "big"), int.from_bytes(key[50:], "big")


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
