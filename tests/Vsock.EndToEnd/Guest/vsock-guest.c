// The first process of a Linux guest for the vsock tests: loads the drivers, connects to port 9100 of the parent and does what it is told
// there, one line at a time, answering each with one line.
//
//     gcc -O2 -static -o init vsock-guest.c
//
// Streams carry the words of a generator, so that both ends can check every byte at its place.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PARENT_CID = 3, CONTROL_PORT = 9100, CHUNK = 256 * 1024 };

static uint64_t next_word(uint64_t *state) {
    uint64_t x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return *state = x;
}

static long microseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000L + now.tv_nsec / 1000;
}

static int dial(unsigned cid, unsigned port) {
    struct sockaddr_vm peer = { .svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port };
    int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    if (connect(fd, (struct sockaddr *)&peer, sizeof peer) == 0) return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int write_all(int fd, const char *data, size_t length) {
    while (length > 0) {
        ssize_t written = write(fd, data, length);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return -1;
        data += written;
        length -= written;
    }
    return 0;
}

static int read_all(int fd, char *data, size_t length) {
    while (length > 0) {
        ssize_t got = read(fd, data, length);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return -1;
        data += got;
        length -= got;
    }
    return 0;
}

// send PORT BYTES SIZE: a stream in writes of that size; then the end; then the answer up to its end.
static void do_send(FILE *answer, unsigned port, unsigned long bytes, unsigned long size) {
    int fd = dial(PARENT_CID, port);
    char *buffer = malloc(size);
    uint64_t state = 88172645463325252ULL;
    unsigned long left = bytes, returned = 0;
    if (fd < 0) {
        fprintf(answer, "error %d\n", errno);
        return;
    }
    while (left > 0) {
        unsigned long count = left < size ? left : size;
        for (unsigned long i = 0; i < count; i += 8) {
            uint64_t word = next_word(&state);
            memcpy(buffer + i, &word, 8);
        }
        if (write_all(fd, buffer, count) < 0) {
            fprintf(answer, "error %d after %lu\n", errno, bytes - left);
            close(fd);
            return;
        }
        left -= count;
    }
    shutdown(fd, SHUT_WR);
    for (ssize_t got; (got = read(fd, buffer, size)) > 0;) returned += got;
    fprintf(answer, "ok %lu\n", returned);
    close(fd);
    free(buffer);
}

// receive PORT: a stream up to its end, each word checked.
static void do_receive(FILE *answer, unsigned port) {
    int fd = dial(PARENT_CID, port);
    char *buffer = malloc(CHUNK + 8);
    uint64_t state = 88172645463325252ULL;
    unsigned long total = 0;
    size_t kept = 0;
    if (fd < 0) {
        fprintf(answer, "error %d\n", errno);
        return;
    }
    for (ssize_t got; (got = read(fd, buffer + kept, CHUNK)) != 0;) {
        if (got < 0) {
            fprintf(answer, "error %d after %lu\n", errno, total);
            close(fd);
            return;
        }
        size_t have = kept + got, at = 0;
        for (; at + 8 <= have; at += 8) {
            uint64_t word;
            memcpy(&word, buffer + at, 8);
            if (word != next_word(&state)) {
                fprintf(answer, "wrong %lu\n", total + at);
                close(fd);
                return;
            }
        }
        total += at;
        kept = have - at;
        memmove(buffer, buffer + at, kept);
    }
    fprintf(answer, "ok %lu\n", total + kept);
    close(fd);
    free(buffer);
}

// refused CID PORT: what connecting says, and after how many microseconds.
static void do_refused(FILE *answer, unsigned cid, unsigned port) {
    long start = microseconds();
    int fd = dial(cid, port);
    int error = fd < 0 ? errno : 0;
    if (fd >= 0) close(fd);
    fprintf(answer, "errno %d %ld\n", error, microseconds() - start);
}

// short PORT COUNT: connections that carry four bytes each way.
static void do_short(FILE *answer, unsigned port, unsigned count) {
    long start = microseconds();
    for (unsigned i = 0; i < count; i++) {
        unsigned back = ~i;
        int fd = dial(PARENT_CID, port);
        if (fd < 0 || write_all(fd, (char *)&i, 4) < 0 || read_all(fd, (char *)&back, 4) < 0 || back != i) {
            fprintf(answer, "error %d at %u\n", errno, i);
            return;
        }
        close(fd);
    }
    fprintf(answer, "ok %ld\n", microseconds() - start);
}

static void echo(int fd) {
    char *buffer = malloc(CHUNK);
    for (ssize_t got; (got = read(fd, buffer, CHUNK)) > 0;)
        if (write_all(fd, buffer, got) < 0) _exit(1);
    _exit(0);
}

// serve PORT: a server in a process of its own that sends back what it gets.
static void do_serve(FILE *answer, unsigned port) {
    struct sockaddr_vm local = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = port };
    int listener = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&local, sizeof local) < 0 || listen(listener, 128) < 0) {
        fprintf(answer, "error %d\n", errno);
        if (listener >= 0) close(listener);
        return;
    }
    pid_t child = fork();
    if (child == 0) {
        for (;;) {
            int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
            if (fd < 0) continue;
            if (fork() == 0) {
                // Whoever is served last may outlive the server, and must not keep its port.
                close(listener);
                echo(fd);
            }
            close(fd);
        }
    }
    close(listener);
    fprintf(answer, "ok %d\n", child);
}

// stop PID: ends such a server.
static void do_stop(FILE *answer, int pid) {
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    fprintf(answer, "ok 0\n");
}

// hold PORT COUNT: that many connections at once, a byte on each, and all closed.
static void do_hold(FILE *answer, unsigned port, unsigned count) {
    int *held = calloc(count, sizeof *held);
    unsigned open = 0, served = 0;
    while (open < count && (held[open] = dial(PARENT_CID, port)) >= 0) open++;
    for (unsigned i = 0; i < open; i++) {
        char byte = (char)i, back = (char)~i;
        if (write_all(held[i], &byte, 1) == 0 && read_all(held[i], &back, 1) == 0 && back == byte) served++;
    }
    for (unsigned i = 0; i < open; i++) close(held[i]);
    fprintf(answer, "ok %u\n", served);
    free(held);
}

// abandon PORT BYTES: writes and exits without a close of its own.
static void do_abandon(FILE *answer, unsigned port, unsigned long bytes) {
    pid_t child = fork();
    if (child == 0) {
        char *buffer = calloc(1, bytes);
        int fd = dial(PARENT_CID, port);
        _exit(fd < 0 || write_all(fd, buffer, bytes) < 0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    fprintf(answer, "ok %d\n", status);
}

// A program with its arguments, what it prints in a file.
static pid_t begin(char *line, const char *output) {
    char *words[32];
    int count = 0;
    for (char *word = strtok(line, " \n"); word && count < 31; word = strtok(NULL, " \n")) words[count++] = word;
    words[count] = NULL;
    pid_t child = fork();
    if (child == 0) {
        int file = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(file, 1);
        dup2(file, 2);
        execv(words[0], words);
        dprintf(1, "%s: %s\n", words[0], strerror(errno));
        _exit(127);
    }
    return child;
}

// How it ended, and what it printed with bars for the ends of lines.
static void report(FILE *answer, int status, const char *output) {
    char text[4000];
    int file = open(output, O_RDONLY);
    ssize_t length = read(file, text, sizeof text);
    close(file);
    for (ssize_t i = 0; i < length; i++)
        if (text[i] == '\n') text[i] = '|';
    fprintf(answer, "exit %d %.*s\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), (int)(length < 0 ? 0 : length), text);
}

// run PROGRAM ARGUMENT...: to its end.
static void do_run(FILE *answer, char *line) {
    int status = 0;
    pid_t child = begin(line, "/tmp/run");
    waitpid(child, &status, 0);
    report(answer, status, "/tmp/run");
}

static const char *output_of(pid_t child) {
    static char path[40];
    snprintf(path, sizeof path, "/tmp/%d", child);
    return path;
}

// start PROGRAM ARGUMENT...: and do not wait for it.
static void do_start(FILE *answer, char *line) {
    pid_t child = begin(line, "/tmp/start");
    // A name of its own, once it is known; the program goes on writing to the same file.
    while (rename("/tmp/start", output_of(child)) < 0) usleep(1000);
    fprintf(answer, "ok %d\n", child);
}

// finish PID: waits for a program that was started.
static void do_finish(FILE *answer, pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    report(answer, status, output_of(child));
}

static void load(const char *path) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    if (syscall(SYS_finit_module, file, "", 0) < 0 && errno != EEXIST) fprintf(stderr, "%s: %s\n", path, strerror(errno));
    close(file);
}

int main(void) {
    mount("dev", "/dev", "devtmpfs", 0, NULL);
    mount("proc", "/proc", "proc", 0, NULL);
    mount("tmp", "/tmp", "tmpfs", 0, NULL);
    setenv("HOME", "/tmp", 1);
    setenv("DOTNET_EnableDiagnostics", "0", 1);
    setenv("DOTNET_TieredPGO", "0", 1);
    int console = open("/dev/console", O_RDWR);
    if (console >= 0) {
        dup2(console, 0);
        dup2(console, 1);
        dup2(console, 2);
    }
    load("/modules/virtio_mmio.ko");
    load("/modules/vsock.ko");
    load("/modules/vmw_vsock_virtio_transport_common.ko");
    load("/modules/vmw_vsock_virtio_transport.ko");
    load("/modules/vsock_loopback.ko");
    signal(SIGPIPE, SIG_IGN);

    int control = -1;
    for (int attempt = 0; attempt < 200 && (control = dial(PARENT_CID, CONTROL_PORT)) < 0; attempt++) usleep(20000);
    if (control < 0) {
        perror("control connection");
        reboot(RB_POWER_OFF);
    }

    FILE *commands = fdopen(dup(control), "r"), *answer = fdopen(control, "w");
    char line[1000], word[20];
    fprintf(answer, "ready\n");
    fflush(answer);
    while (fgets(line, sizeof line, commands)) {
        unsigned long a = 0, b = 0, c = 0;
        sscanf(line, "%19s %lu %lu %lu", word, &a, &b, &c);
        if (!strcmp(word, "run")) do_run(answer, line + 4);
        else if (!strcmp(word, "start")) do_start(answer, line + 6);
        else if (!strcmp(word, "finish")) do_finish(answer, a);
        else if (!strcmp(word, "send")) do_send(answer, a, b, c);
        else if (!strcmp(word, "receive")) do_receive(answer, a);
        else if (!strcmp(word, "refused")) do_refused(answer, a, b);
        else if (!strcmp(word, "short")) do_short(answer, a, b);
        else if (!strcmp(word, "serve")) do_serve(answer, a);
        else if (!strcmp(word, "stop")) do_stop(answer, a);
        else if (!strcmp(word, "hold")) do_hold(answer, a, b);
        else if (!strcmp(word, "abandon")) do_abandon(answer, a, b);
        else if (!strcmp(word, "reboot")) reboot(RB_AUTOBOOT);
        else fprintf(answer, "unknown\n");
        fflush(answer);
    }
    reboot(RB_POWER_OFF);
}
