"""ECDSA over P-384 (FIPS 186-5), verification only, and the key of an X.509 certificate: slow, and short enough to be read."""

import hashlib

from cbor import Malformed

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
