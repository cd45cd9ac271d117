"""CBOR (RFC 8949), as much of it as images and attestation documents hold."""


class Malformed(ValueError):
    """The file is not what it should be."""


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
