// What the process engine costs a program. Prints, a line each, a name and a number:
//   main: the clock at its first instruction (nanoseconds, CLOCK_MONOTONIC); times in nanoseconds; rates in operations or MB a second.
// In an enclave it has no arguments and sends to CID 3, port 7000; outside, its argument is the Unix socket to send to, and it has no NSM. With
// "filter" behind that it is under the smallest seccomp filter there is, which allows everything.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/vm_sockets.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { SAMPLES = 3000, THREADS = 8, PER_THREAD = 5000, CONNECTS = 200, CALLS = 50000, WORKS = 5000, CHUNK = 65536, ROUNDS = 20 };
static const uint64_t STREAM = 1ull << 27;
static int nsm;

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void tell(const char *name, double value) { printf("%s %.0f\n", name, value); }

static void describe(void) {
    unsigned char response[0x3000];
    struct { uint64_t address, length; } raw[2] = { { (uintptr_t)"\xa1\x6b" "DescribePCR\xa1\x65" "index\x00", 21 }, { (uintptr_t)response, sizeof response } };
    if (ioctl(nsm, 0xC0200A00, raw) < 0) { perror("ioctl"); exit(1); }
}

static int compare(const void *a, const void *b) { return *(const uint64_t *)a < *(const uint64_t *)b ? -1 : 1; }

static void *ask_often(void *unused) {
    for (int i = 0; i < PER_THREAD; i++) describe();
    return unused;
}

static void measure_nsm(void) {
    static uint64_t times[SAMPLES];
    nsm = open("/dev/nsm", O_RDONLY);
    for (int i = 0; i < SAMPLES; i++) {
        uint64_t start = now();
        describe();
        times[i] = now() - start;
    }

    qsort(times, SAMPLES, sizeof *times, compare);
    tell("nsm", (double)times[SAMPLES / 2]);
    pthread_t threads[THREADS];
    uint64_t start = now();
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, ask_often, NULL);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    tell("nsm-rate", THREADS * PER_THREAD * 1e9 / (double)(now() - start));
}

static int dial(const char *path) {
    int result;
    int connection = socket(path ? AF_UNIX : AF_VSOCK, SOCK_STREAM, 0);
    if (path) {
        struct sockaddr_un there = { .sun_family = AF_UNIX };
        strcpy(there.sun_path, path);
        result = connect(connection, (struct sockaddr *)&there, sizeof there);
    } else {
        struct sockaddr_vm there = { .svm_family = AF_VSOCK, .svm_cid = 3, .svm_port = 7000 };
        result = connect(connection, (struct sockaddr *)&there, sizeof there);
    }

    if (result < 0) { perror("connect"); exit(1); }
    return connection;
}

static char buffer[CHUNK];

static void send_stream(int connection) {
    for (uint64_t sent = 0; sent < STREAM;) {
        ssize_t got = write(connection, buffer, CHUNK);
        if (got < 0) { perror("write"); exit(1); }
        sent += (uint64_t)got;
    }

    shutdown(connection, SHUT_WR);
    if (read(connection, buffer, 1) != 1) { perror("the answer"); exit(1); }
}

static void map_page(void) {
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) { perror("mmap"); exit(1); }
    *page = 1;
    munmap(page, 4096);
}

static void allow_everything(void) {
    struct sock_filter allow = { .code = BPF_RET | BPF_K, .k = SECCOMP_RET_ALLOW };
    struct sock_fprog filter = { .len = 1, .filter = &allow };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter)) { perror("prctl"); exit(1); }
}

#define BEST(best, work, count) do { \
    uint64_t start = now(); \
    work; \
    double each = (double)(now() - start) / (count); \
    if (best == 0 || each < best) best = each; \
} while (0)

int main(int count, char **arguments) {
    uint64_t began = now();
    setvbuf(stdout, NULL, _IOLBF, 0);
    tell("main", (double)began);
    const char *path = count > 1 ? arguments[1] : NULL;
    if (path && strcmp(path, "only-main") == 0) return 0;
    // Long enough for somebody to read the console.
    if (path && strcmp(path, "linger") == 0) return (int)sleep(2);
    if (!path) measure_nsm();
    if (count > 2) allow_everything();

    // Of many rounds the best: other programs of the machine only ever make one slower.
    double connects = 0, stream = 0, getppids = 0, reads = 0, ioctls = 0, blocks = 0, maps = 0;
    int file = open("/dev/zero", O_RDONLY);
    for (int round = 0; round < ROUNDS; round++) {
        BEST(connects, for (int i = 0; i < CONNECTS; i++) close(dial(path)), CONNECTS);
        int connection = dial(path);
        BEST(stream, send_stream(connection), 1);
        close(connection);
        BEST(getppids, for (int i = 0; i < CALLS; i++) syscall(SYS_getppid), CALLS);
        BEST(reads, for (int i = 0; i < CALLS; i++) if (read(file, buffer, 1) != 1) exit(1), CALLS);
        BEST(ioctls, for (int i = 0; i < CALLS; i++) if (ioctl(file, 0x5401, buffer) == 0) exit(1), CALLS);
        // These do some work, as most calls of a program do.
        BEST(blocks, for (int i = 0; i < WORKS; i++) if (read(file, buffer, CHUNK) != CHUNK) exit(1), WORKS);
        BEST(maps, for (int i = 0; i < WORKS; i++) map_page(), WORKS);
    }

    tell("connect", connects);
    tell("stream", (double)STREAM * 1e3 / stream);
    tell("getppid", getppids);
    tell("read", reads);
    tell("ioctl", ioctls);
    tell("read-64k", blocks);
    tell("mmap-munmap", maps);
    return 0;
}
