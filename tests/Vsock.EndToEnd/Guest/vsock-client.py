"""What a Python program does with vsock, in a Linux guest.

    vsock-client.py echo PORT        dials the parent, sends back what comes until the end, then the SHA-256 of it in a line
    vsock-client.py serve PORT       takes one connection: sends its peer's CID in a line, then the same as echo
    vsock-client.py refused CID PORT the name of the error
    vsock-client.py timeout PORT     dials the parent, which stays silent
    vsock-client.py messages PORT    sends messages of growing length on a socket that keeps them, and expects each back
"""

import errno
import fcntl
import hashlib
import socket
import struct
import sys

PARENT = 3


def echo(connection: socket.socket) -> int:
    digest = hashlib.sha256()
    total = 0
    while data := connection.recv(65536):
        connection.sendall(data)
        digest.update(data)
        total += len(data)
    connection.sendall(f"{digest.hexdigest()}\n".encode())
    connection.shutdown(socket.SHUT_WR)
    return total


def dial(port: int, kind: int = socket.SOCK_STREAM) -> socket.socket:
    connection = socket.socket(socket.AF_VSOCK, kind)
    connection.connect((PARENT, port))
    assert connection.getpeername() == (PARENT, port), connection.getpeername()
    return connection


def own_cid() -> int:
    with open("/dev/vsock", "rb") as device:
        return struct.unpack("I", fcntl.ioctl(device, socket.IOCTL_VM_SOCKETS_GET_LOCAL_CID, bytes(4)))[0]


def serve(port: int) -> int:
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as listener:
        listener.bind((socket.VMADDR_CID_ANY, port))
        listener.listen()
        connection, peer = listener.accept()
        with connection:
            assert connection.getsockname() == (own_cid(), port), connection.getsockname()
            connection.sendall(f"{peer[0]}\n".encode())
            return echo(connection)


def refused(cid: int, port: int) -> str:
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as connection:
        return errno.errorcode[connection.connect_ex((cid, port))]


def timeout(port: int) -> str:
    with dial(port) as connection:
        connection.settimeout(0.1)
        try:
            connection.recv(1)
        except TimeoutError:
            return "timed out"
    return "heard something"


def messages(port: int) -> int:
    count = 0
    with dial(port, socket.SOCK_SEQPACKET) as connection:
        for length in [1, 2, 4095, 4096, 4097, 65536, 100000, 200000]:
            for round in range(8):
                message = bytes((i * 31 + round) & 255 for i in range(min(length, 5000))) * (length // 5000 + 1)
                message = message[:length]
                connection.sendall(message)
                connection.sendall(b"short")
                assert connection.recv(300000) == message, length
                assert connection.recv(300000) == b"short", length
                count += 2
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(10) == b""
    return count


if sys.argv[1] == "echo":
    with dial(int(sys.argv[2])) as dialled:
        print(echo(dialled))
else:
    print(globals()[sys.argv[1]](*map(int, sys.argv[2:])))
