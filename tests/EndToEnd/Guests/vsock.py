"""A peer for tests of vsock that uses Python's own sockets, unmodified.

    vsock.py id                        the CID that /dev/vsock tells
    vsock.py dial CID PORT COUNT       COUNT connections of threads, each asks with four bytes and expects them back
    vsock.py dial-timeout CID PORT COUNT   the same with a time-out set, for which Python makes sockets non-blocking
    vsock.py dial-asyncio CID PORT COUNT   the same on one thread, under epoll
    vsock.py echo PORT COUNT           takes COUNT connections, sends back what comes until the peer's end
    vsock.py echo-asyncio PORT COUNT   the same under epoll
    vsock.py timeout PORT              waits for a connection that does not come
    vsock.py refused CID PORT          what a dial says that nobody takes
    vsock.py messages CID PORT         two messages out and two in, of a socket that keeps them
    vsock.py stdio                     asks on standard output, expects the answer on standard input
"""

import asyncio
import fcntl
import os
import socket
import struct
import sys
import threading


def own_cid():
    with open("/dev/vsock", "rb") as device:
        return struct.unpack("I", fcntl.ioctl(device, socket.IOCTL_VM_SOCKETS_GET_LOCAL_CID, bytes(4)))[0]


def new_socket():
    return socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)


def ask(address, question, timeout=None):
    with new_socket() as connection:
        connection.settimeout(timeout)
        connection.connect(address)
        connection.sendall(question)
        return connection.recv(4, socket.MSG_WAITALL) == question and connection.getpeername() == address


def dial(address, count, timeout=None):
    good = []
    threads = [threading.Thread(target=lambda i=i: good.append(ask(address, struct.pack("<I", i), timeout))) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"dialled: {sum(good)} of {count}")


async def ask_asyncio(address, question):
    connection = new_socket()
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, address)
    reader, writer = await asyncio.open_connection(sock=connection)
    writer.write(question)
    await writer.drain()
    answer = await reader.readexactly(4)
    writer.close()
    await writer.wait_closed()
    return answer == question


async def dial_asyncio(address, count):
    good = await asyncio.gather(*(ask_asyncio(address, struct.pack("<I", i)) for i in range(count)))
    print(f"dialled: {sum(good)} of {count}")


def listen(port):
    listener = new_socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((socket.VMADDR_CID_ANY, port))
    listener.listen()
    print(f"listening: {listener.getsockname()[1]}")
    return listener


def echo(port, count):
    listener = listen(port)
    for _ in range(count):
        connection, (cid, _) = listener.accept()
        print(f"accepted from CID {cid}")
        with connection:
            while data := connection.recv(65536):
                connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
    print(f"served: {count}")


async def echo_asyncio(port, count):
    loop, listener, tasks = asyncio.get_running_loop(), listen(port), []
    listener.setblocking(False)

    async def serve(connection):
        reader, writer = await asyncio.open_connection(sock=connection)
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
        writer.close()
        await writer.wait_closed()

    for _ in range(count):
        connection, (cid, _) = await loop.sock_accept(listener)
        print(f"accepted from CID {cid}")
        tasks.append(asyncio.create_task(serve(connection)))
    await asyncio.gather(*tasks)
    print(f"served: {count}")


def wait_in_vain(port):
    listener = listen(port)
    listener.settimeout(0.1)
    try:
        listener.accept()
    except TimeoutError:
        print("accept: timed out")


def be_refused(address):
    try:
        ask(address, b"ask!")
    except OSError as error:
        print(f"refused: {type(error).__name__}")


def keep_messages(address):
    with socket.socket(socket.AF_VSOCK, socket.SOCK_SEQPACKET) as connection:
        connection.connect(address)
        connection.send(b"one")
        connection.send(b"two" * 20000)
        print(connection.recv(100), connection.recv(100), connection.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_SEQPACKET)


def talk_stdio():
    os.write(1, b"ask!")
    answer = b""
    while len(answer) < 4 and (part := os.read(0, 4 - len(answer))):
        answer += part
    print(f"dialled: {answer == b'ask!':d} of 1", file=sys.stderr)


sys.stdout.reconfigure(line_buffering=True)
verb, numbers = sys.argv[1], [int(text) for text in sys.argv[2:]]
match verb:
    case "id":
        print(f"own CID: {own_cid()}")
    case "dial":
        dial(tuple(numbers[:2]), numbers[2])
    case "dial-timeout":
        dial(tuple(numbers[:2]), numbers[2], timeout=60)
    case "dial-asyncio":
        asyncio.run(dial_asyncio(tuple(numbers[:2]), numbers[2]))
    case "echo":
        echo(*numbers)
    case "echo-asyncio":
        asyncio.run(echo_asyncio(*numbers))
    case "timeout":
        wait_in_vain(*numbers)
    case "refused":
        be_refused(tuple(numbers))
    case "messages":
        keep_messages(tuple(numbers))
    case "stdio":
        talk_stdio()
