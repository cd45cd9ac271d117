// A peer for tests of vsock. Every connection on SERVICE_PORT begins with an order of 16 bytes:
//   letter, three bytes unused, port (u32), count (u64), little-endian
// 's' sink:     reads until the peer's end, answers with length and hash, both u64
// 'g' generate: writes count bytes in writes of 1 MiB, ends its direction, then reads until the peer's end and answers nothing
// 'd' dial:     connects to CID 3 and the port; answers with errno (0 when it was connected) and microseconds, both u64
// 'm' many:     makes count connections to CID 3 and the port, each asks with four bytes and expects them back; answers with the
//               number of those that went well and microseconds
// 'q' quit

#include "guest.h"
#include <pthread.h>
#include <stdint.h>
#include <time.h>

enum { CHUNK = 1 << 20 };

struct order {
    char letter, unused[3];
    uint32_t port;
    uint64_t count;
};

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

static void answer(int connection, uint64_t first, uint64_t second) {
    uint64_t both[2] = { first, second };
    send_all(connection, both, sizeof both);
}

// FNV-1a over 64-bit words; all lengths here are multiples of eight.
static uint64_t hash_words(uint64_t hash, const uint64_t *words, size_t count) {
    for (size_t i = 0; i < count; i++) hash = (hash ^ words[i]) * 0x100000001B3;
    return hash;
}

static void sink(int connection) {
    uint64_t *buffer = malloc(CHUNK), hash = 0xCBF29CE484222325, total = 0;
    size_t held = 0;
    for (ssize_t count; (count = recv(connection, (char *)buffer + held, CHUNK - held, 0)) != 0;) {
        if (count < 0) die("recv");
        total += (uint64_t)count;
        held += (size_t)count;
        size_t words = held / 8, rest = held % 8;
        hash = hash_words(hash, buffer, words);
        memmove(buffer, buffer + words, rest);
        held = rest;
    }

    free(buffer);
    answer(connection, total, hash);
}

// A stream of words that both sides can make: xorshift from 1.
static void generate(int connection, uint64_t count) {
    uint64_t *buffer = malloc(CHUNK), state = 1;
    while (count > 0) {
        size_t length = count < CHUNK ? (size_t)count : CHUNK;
        for (size_t i = 0; i < length / 8; i++) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            buffer[i] = state;
        }

        send_all(connection, buffer, length);
        count -= length;
    }

    must(shutdown(connection, SHUT_WR), "shutdown");
    ssize_t got;
    while ((got = recv(connection, buffer, CHUNK, 0)) > 0) printf("after our end: %.*s\n", (int)got, (char *)buffer);
    free(buffer);
}

static void dial_once(int connection, uint32_t port) {
    uint64_t start = now();
    int there = dial(PARENT_CID, port), error = there < 0 ? errno : 0;
    uint64_t time = now() - start;
    if (there >= 0) close(there);
    answer(connection, (uint64_t)error, time);
}

static void dial_often(int connection, uint32_t port, uint64_t count) {
    uint64_t start = now(), good = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t asked = (uint32_t)i * 2654435761u, heard = ~asked;
        int there = dial(PARENT_CID, port);
        if (there < 0) continue;
        send_all(there, &asked, sizeof asked);
        if (recv(there, &heard, sizeof heard, MSG_WAITALL) == sizeof heard && heard == asked) good++;
        close(there);
    }

    answer(connection, good, now() - start);
}

static void *serve_connection(void *argument) {
    int connection = (int)(intptr_t)argument;
    struct order order;
    if (recv(connection, &order, sizeof order, MSG_WAITALL) == sizeof order) {
        switch (order.letter) {
        case 's': sink(connection); break;
        case 'g': generate(connection, order.count); break;
        case 'd': dial_once(connection, order.port); break;
        case 'm': dial_often(connection, order.port, order.count); break;
        case 'q': exit(0);
        default: die("the order");
        }
    }

    close(connection);
    return NULL;
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int listener = serve();;) {
        pthread_t thread;
        int connection = must(accept(listener, NULL, NULL), "accept");
        if (pthread_create(&thread, NULL, serve_connection, (void *)(intptr_t)connection) != 0) die("pthread_create");
        pthread_detach(thread);
    }
}
