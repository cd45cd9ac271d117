"""Foreign NSM code: the driver's ioctl by Python's fcntl, and as much CBOR as that takes, written from RFC 8949.

Prints what it got of the module's description, of register 16 before and after it was extended, of random bytes, and of a document.
"""

import ctypes
import fcntl
import hashlib

COMMAND = 0xC0200A00


def head(major, value):
    if value < 24:
        return bytes([major << 5 | value])
    for extra, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 1 << 8 * size:
            return bytes([major << 5 | extra]) + value.to_bytes(size, "big")


def encode(item):
    match item:
        case None:
            return b"\xf6"
        case int():
            return head(0, item)
        case bytes():
            return head(2, len(item)) + item
        case str():
            return head(3, len(item.encode())) + item.encode()
        case dict():
            return head(5, len(item)) + b"".join(encode(key) + encode(value) for key, value in item.items())


def decode(data, at=0):
    major, short = data[at] >> 5, data[at] & 31
    size = {24: 1, 25: 2, 26: 4, 27: 8}.get(short, 0)
    value = int.from_bytes(data[at + 1:at + 1 + size], "big") if size else short
    at += 1 + size
    if major == 0:
        return value, at
    if major in (2, 3):
        text = data[at:at + value]
        return (text if major == 2 else text.decode()), at + value
    if major == 4:
        items = []
        for _ in range(value):
            item, at = decode(data, at)
            items.append(item)
        return items, at
    if major == 5:
        items = {}
        for _ in range(value):
            key, at = decode(data, at)
            items[key], at = decode(data, at)
        return items, at
    if major == 6:
        return decode(data, at)
    return {20: False, 21: True, 22: None}[short], at


class Vector(ctypes.Structure):
    _fields_ = [("address", ctypes.c_uint64), ("length", ctypes.c_uint64)]


class Message(ctypes.Structure):
    _fields_ = [("request", Vector), ("response", Vector)]


def ask(device, request):
    question, answer = ctypes.create_string_buffer(encode(request)), ctypes.create_string_buffer(0x3000)
    message = Message(Vector(ctypes.addressof(question), len(question) - 1), Vector(ctypes.addressof(answer), len(answer)))
    fcntl.ioctl(device, COMMAND, message)
    return decode(answer.raw[:message.response.length])[0]


with open("/dev/nsm", "rb") as nsm:
    description = ask(nsm, "DescribeNSM")["DescribeNSM"]
    print(f"module: {description['module_id']}, {description['max_pcrs']} registers, {description['digest']}")
    before = ask(nsm, {"DescribePCR": {"index": 16}})["DescribePCR"]
    after = ask(nsm, {"ExtendPCR": {"index": 16, "data": b"measured"}})["ExtendPCR"]
    print(f"extended: {after['data'] == hashlib.sha384(before['data'] + b'measured').digest()}")
    print(f"error: {ask(nsm, {'DescribePCR': {'index': 32}})}")
    print(f"random: {len(ask(nsm, 'GetRandom')['GetRandom']['random'])} bytes")
    # Documents tell of locked registers only.
    print(f"locked: {ask(nsm, {'LockPCR': {'index': 16}})}")
    document = ask(nsm, {"Attestation": {"user_data": b"ours", "nonce": None, "public_key": None}})["Attestation"]["document"]
    payload = decode(decode(document)[0][2])[0]
    print(f"document: {payload['module_id']}, {payload['user_data'].decode()}, register 16 as extended: {payload['pcrs'][16] == after['data']}")
