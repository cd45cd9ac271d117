// What the guests' programs share: an error ends them with a line on the console, and vsock sockets.

#pragma once
#define _GNU_SOURCE
#include <errno.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PARENT_CID = 3, SERVICE_PORT = 5000 };

#define ANYONE 0xFFFFFFFFu

static inline void die(const char *what) {
    printf("guest failed: %s: %s\n", what, strerror(errno));
    exit(1);
}

static inline int must(int result, const char *what) {
    if (result < 0) die(what);
    return result;
}

static inline struct sockaddr_vm address(unsigned cid, unsigned port) {
    return (struct sockaddr_vm){ .svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port };
}

// A listening socket on SERVICE_PORT.
static inline int serve(void) {
    struct sockaddr_vm here = address(ANYONE, SERVICE_PORT);
    int listener = must(socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    must(bind(listener, (struct sockaddr *)&here, sizeof here), "bind");
    must(listen(listener, 128), "listen");
    return listener;
}

// A socket that is connected to a port, or -1 and errno.
static inline int dial(unsigned cid, unsigned port) {
    struct sockaddr_vm there = address(cid, port);
    int connection = must(socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    if (connect(connection, (struct sockaddr *)&there, sizeof there) == 0) return connection;
    int error = errno;
    close(connection);
    errno = error;
    return -1;
}

static inline void send_all(int connection, const void *data, size_t length) {
    for (const char *next = data; length > 0;) {
        ssize_t sent = send(connection, next, length, MSG_NOSIGNAL);
        if (sent < 0) die("send");
        next += sent;
        length -= (size_t)sent;
    }
}
