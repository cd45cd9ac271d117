// Behaves in every way that programs depend on in an enclave, and prints what came of it, a line each:
//   behaviour<TAB>group<TAB>what was done<TAB>what was observed
// The parent answers on PARENT_PORT (it sends back four bytes and closes) and connects to SERVICE_PORT three times: the first connection is
// only accepted, from the second the guest reads to the end and answers, the third waits while nobody accepts.

#include "guest.h"
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <time.h>

enum { PARENT_PORT = 7000, NOBODY = 7999, ROOM = 0x3000 };

static unsigned own_cid;

static const char *name_of(int error) { return error == 0 ? "success" : strerrorname_np(error); }

static void row(const char *group, const char *what, const char *format, ...) {
    va_list list;
    va_start(list, format);
    printf("behaviour\t%s\t%s\t", group, what);
    vprintf(format, list);
    printf("\n");
    va_end(list);
}

static const char *result(int value) { return name_of(value < 0 ? errno : 0); }

static const char *cid_name(unsigned cid) {
    static char text[16];
    if (cid == ANYONE) return "any";
    if (cid == own_cid) return "own";
    snprintf(text, sizeof text, "%u", cid);
    return text;
}

static const char *name(int socket, int (*ask)(int, struct sockaddr *, socklen_t *)) {
    static char text[64];
    struct sockaddr_vm address;
    socklen_t length = sizeof address;
    if (ask(socket, (struct sockaddr *)&address, &length) < 0) return name_of(errno);
    if (address.svm_family != AF_VSOCK || length != sizeof address) return "not an address of vsock";
    const char *port = address.svm_port == ANYONE ? "any" : address.svm_port == SERVICE_PORT ? "the port" : address.svm_port == PARENT_PORT ? "the parent's port" : "a free port";
    snprintf(text, sizeof text, "CID %s, %s", cid_name(address.svm_cid), port);
    return text;
}

static int new_socket(int flags) { return must(socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | flags, 0), "socket"); }

static int bind_to(int socket, unsigned cid, unsigned port) {
    struct sockaddr_vm here = address(cid, port);
    return bind(socket, (struct sockaddr *)&here, sizeof here);
}

static int connect_to(int socket, unsigned cid, unsigned port) {
    struct sockaddr_vm there = address(cid, port);
    return connect(socket, (struct sockaddr *)&there, sizeof there);
}

// ---- NSM -------------------------------------------------------------------------------------------------------------

static unsigned char response[ROOM];

static int ask_raw(int nsm, unsigned long number, const void *request, size_t length, size_t room, size_t *got) {
    struct { uint64_t address, length; } raw[2] = { { (uintptr_t)request, length }, { (uintptr_t)response, room } };
    memset(response, 0, sizeof response);
    int result = ioctl(nsm, number, raw);
    *got = raw[1].length;
    return result;
}

// The answer's outermost name: of the error, or of the operation with the length of the answer.
static void ask(int nsm, const char *what, const void *request, size_t length) {
    size_t got;
    if (ask_raw(nsm, 0xC0200A00, request, length, ROOM, &got) < 0) {
        row("NSM", what, "%s", name_of(errno));
    } else if (memcmp(response, "\xa1\x65" "Error", 7) == 0) {
        row("NSM", what, "%.*s", (int)(response[7] & 0x1F), response + 8);
    } else {
        const unsigned char *text = response + (response[0] == 0xa1);
        row("NSM", what, "%.*s answered", (int)(text[0] & 0x1F), text + 1);
    }
}

#define ASK(what, bytes) ask(nsm, what, bytes, sizeof bytes - 1)

static void try_nsm(void) {
    int nsm = must(open("/dev/nsm", O_RDONLY | O_CLOEXEC), "/dev/nsm");
    size_t got;
    ASK("DescribeNSM", "\x6b" "DescribeNSM");
    ASK("an unknown operation", "\x66" "Reboot");
    ASK("no CBOR", "\xff");
    ASK("an operation without its map", "\x6b" "DescribePCR");
    ASK("a map around an operation without arguments", "\xa1\x6b" "DescribeNSM\xa0");
    ASK("bytes after the request", "\x6b" "DescribeNSM\x00\x00");
    ASK("a map of two operations", "\xa2\x6b" "DescribeNSM\xa0\x69" "GetRandom\xa0");
    ASK("DescribePCR 31", "\xa1\x6b" "DescribePCR\xa1\x65" "index\x18\x1f");
    ASK("DescribePCR 32", "\xa1\x6b" "DescribePCR\xa1\x65" "index\x18\x20");
    ASK("an index in 16 bits", "\xa1\x6b" "DescribePCR\xa1\x65" "index\x19\x00\x05");
    ASK("DescribePCR with indexes 5 and 32", "\xa1\x6b" "DescribePCR\xa2\x65" "index\x05\x65" "index\x18\x20");
    ASK("no index", "\xa1\x6b" "DescribePCR\xa0");
    ASK("an index of text", "\xa1\x6b" "DescribePCR\xa1\x65" "index\x61" "5");
    ASK("ExtendPCR 16", "\xa1\x69" "ExtendPCR\xa2\x65" "index\x10\x64" "data\x43" "abc");
    ASK("ExtendPCR 16 with nothing", "\xa1\x69" "ExtendPCR\xa2\x65" "index\x10\x64" "data\x40");
    ASK("ExtendPCR with indexes 32 and 17", "\xa1\x69" "ExtendPCR\xa3\x65" "index\x18\x20\x65" "index\x11\x64" "data\x41" "a");
    ASK("ExtendPCR with data of text", "\xa1\x69" "ExtendPCR\xa2\x65" "index\x11\x64" "data\x63" "abc");
    ASK("ExtendPCR without data", "\xa1\x69" "ExtendPCR\xa1\x65" "index\x11");
    ASK("ExtendPCR 0, locked at boot", "\xa1\x69" "ExtendPCR\xa2\x65" "index\x00\x64" "data\x43" "abc");
    ASK("ExtendPCR 15, locked at boot", "\xa1\x69" "ExtendPCR\xa2\x65" "index\x0f\x64" "data\x43" "abc");
    ASK("LockPCR 16", "\xa1\x67" "LockPCR\xa1\x65" "index\x10");
    ASK("LockPCR 16 again", "\xa1\x67" "LockPCR\xa1\x65" "index\x10");
    ASK("ExtendPCR 16, now locked", "\xa1\x69" "ExtendPCR\xa2\x65" "index\x10\x64" "data\x43" "abc");
    ASK("LockPCRs 0", "\xa1\x68" "LockPCRs\xa1\x65" "range\x00");
    ASK("LockPCRs 32", "\xa1\x68" "LockPCRs\xa1\x65" "range\x18\x20");
    ASK("LockPCRs 32 again", "\xa1\x68" "LockPCRs\xa1\x65" "range\x18\x20");
    ASK("LockPCRs 33", "\xa1\x68" "LockPCRs\xa1\x65" "range\x18\x21");
    ASK("Attestation with an empty map", "\xa1\x6b" "Attestation\xa0");
    ASK("Attestation with user data of text", "\xa1\x6b" "Attestation\xa1\x69" "user_data\x63" "abc");

    static char nonce[64 + 1025] = "\xa1\x6b" "Attestation\xa1\x65" "nonce\x59\x04\x01";
    ask(nsm, "Attestation with a nonce of 1025 bytes", nonce, 2 + 11 + 1 + 6 + 3 + 1025);

    static char full[3 * 1100] = "\xa1\x6b" "Attestation\xa3";
    size_t used = 14;
    const char *const fields[] = { "\x69" "user_data", "\x65" "nonce", "\x6a" "public_key" };
    for (int i = 0; i < 3; i++) {
        size_t length = strlen(fields[i]);
        memcpy(full + used, fields[i], length);
        memcpy(full + used + length, "\x59\x04\x00", 3);
        used += length + 3 + 1024;
    }

    ask(nsm, "Attestation with 1024 bytes in each field", full, used);

    static char longest[4097] = "\x6b" "DescribeNSM";
    ask(nsm, "a request of 4096 bytes", longest, 4096);
    ask(nsm, "a request of 4097 bytes", longest, 4097);
    row("NSM", "another command of the driver", "%s", result(ask_raw(nsm, 0xC0200A01, "\x6b" "DescribeNSM", 12, ROOM, &got)));
    int cut = ask_raw(nsm, 0xC0200A00, "\x6b" "DescribeNSM", 12, 10, &got);
    row("NSM", "room for 10 bytes", "%s, %zu bytes", result(cut), got);
    struct { uint64_t address, length; } wild[2] = { { 8, 12 }, { 8, ROOM } };
    row("NSM", "addresses that are none", "%s", result(ioctl(nsm, 0xC0200A00, wild)));
    ask_raw(nsm, 0xC0200A00, "\x69" "GetRandom", 10, ROOM, &got);
    row("NSM", "GetRandom", "%zu bytes", got - 22);
    close(nsm);
}

// ---- vsock -----------------------------------------------------------------------------------------------------------

static volatile sig_atomic_t signals;
static void count_signal(int number) { (void)number; signals++; }

static void try_refusals(void) {
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    int connection = dial(PARENT_CID, NOBODY), error = errno;
    clock_gettime(CLOCK_MONOTONIC, &end);
    row("vsock", "connect to a port of the parent where nobody listens", "%s, %s", connection < 0 ? name_of(error) : "success", end.tv_sec - start.tv_sec < 2 ? "at once" : "late");
    row("vsock", "connect to CID 1", "%s", result(dial(1, NOBODY)));
    row("vsock", "connect to CID 0", "%s", result(dial(0, NOBODY)));
    row("vsock", "connect to the own CID", "%s", result(dial(own_cid, NOBODY)));
    row("vsock", "connect to an unknown CID", "%s", result(dial(77777, NOBODY)));

    int later = new_socket(SOCK_NONBLOCK), pending = connect_to(later, PARENT_CID, NOBODY);
    const char *first = result(pending);
    struct pollfd ready = { .fd = later, .events = POLLOUT };
    poll(&ready, 1, 5000);
    int left = 0;
    socklen_t length = sizeof left;
    must(getsockopt(later, SOL_SOCKET, SO_ERROR, &left, &length), "SO_ERROR");
    row("vsock", "the same without blocking", "%s, then SO_ERROR %s", first, name_of(left));
    close(later);

    struct sockaddr_vm there = address(PARENT_CID, PARENT_PORT);
    int socket = new_socket(0);
    row("vsock", "connect with a short address", "%s", result(connect(socket, (struct sockaddr *)&there, 8)));
    there.svm_family = AF_INET;
    int wrong = connect(socket, (struct sockaddr *)&there, sizeof there);
    row("vsock", "connect with another family's address", "%s", wrong < 0 ? "refused" : "success");
    close(socket);
}

static void try_kinds(void) {
    int kind = socket(AF_VSOCK, SOCK_DGRAM, 0);
    row("vsock", "a socket for datagrams", "%s", kind < 0 ? "refused" : "success");
    if (kind >= 0) close(kind);
    int pair[2];
    row("vsock", "socketpair", "%s", result(socketpair(AF_VSOCK, SOCK_STREAM, 0, pair)));
    int plain = new_socket(0), domain = 0, type = 0;
    socklen_t length = sizeof domain;
    getsockopt(plain, SOL_SOCKET, SO_DOMAIN, &domain, &length);
    getsockopt(plain, SOL_SOCKET, SO_TYPE, &type, &length);
    row("vsock", "SO_DOMAIN and SO_TYPE", "%s, %s", domain == AF_VSOCK ? "AF_VSOCK" : "another", type == SOCK_STREAM ? "SOCK_STREAM" : "another");
    uint64_t size = 0;
    length = sizeof size;
    getsockopt(plain, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &size, &length);
    row("vsock", "SO_VM_SOCKETS_BUFFER_SIZE", "%lu", (unsigned long)size);
    row("vsock", "own address of a new socket", "%s", name(plain, getsockname));
    row("vsock", "peer's address of a new socket", "%s", name(plain, getpeername));
    row("vsock", "listen without an address", "%s", result(listen(plain, 1)));
    close(plain);

    int local = open("/dev/vsock", O_RDONLY | O_CLOEXEC);
    unsigned cid = 0;
    int asked = local < 0 ? -1 : ioctl(local, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid);
    row("vsock", "the local CID", "%s", asked < 0 ? name_of(errno) : cid == own_cid ? "own" : "another");
    close(local);
}

static void try_bind(int listener) {
    row("vsock", "own address of a listening socket", "%s", name(listener, getsockname));
    int second = new_socket(0);
    row("vsock", "bind to a port that is taken", "%s", result(bind_to(second, ANYONE, SERVICE_PORT)));
    row("vsock", "bind to the parent's CID", "%s", result(bind_to(second, PARENT_CID, 6000)));
    row("vsock", "bind to the own CID and any port", "%s", result(bind_to(second, own_cid, ANYONE)));
    row("vsock", "the address it got", "%s", name(second, getsockname));
    row("vsock", "bind again", "%s", result(bind_to(second, ANYONE, 6001)));
    close(second);
    second = new_socket(0);
    row("vsock", "bind to a port below 1024, as root", "%s", result(bind_to(second, ANYONE, 80)));
    close(second);
    second = new_socket(0);
    row("vsock", "bind to it again once it is closed", "%s", result(bind_to(second, ANYONE, 80)));
    close(second);
}

static void try_connection(void) {
    int connection = dial(PARENT_CID, PARENT_PORT);
    row("vsock", "connect to the parent", "%s", result(connection));
    if (connection < 0) die("the parent");
    row("vsock", "own address of the connection", "%s", name(connection, getsockname));
    row("vsock", "peer's address of the connection", "%s", name(connection, getpeername));
    row("vsock", "connect once more", "%s", result(connect_to(connection, PARENT_CID, PARENT_PORT)));
    int copy = must(dup(connection), "dup");
    close(connection);
    unsigned question = 0x12345678, answer = 0;
    send_all(copy, &question, sizeof question);
    ssize_t got = recv(copy, &answer, sizeof answer, MSG_WAITALL);
    row("vsock", "a copy of the descriptor, the original closed", "%s", got == sizeof answer && answer == question ? "works" : "broken");
    row("vsock", "the end of the stream", "%s", recv(copy, &answer, 1, 0) == 0 ? "recv returns 0" : "another");
    ssize_t sent = 0;
    for (int i = 0; i < 100 && (sent = send(copy, &question, sizeof question, MSG_NOSIGNAL)) > 0; i++) usleep(10000);
    row("vsock", "send after the other end has closed", "%s", sent < 0 ? name_of(errno) : "success");
    close(copy);

    int as_parent = dial(2, PARENT_PORT);
    row("vsock", "connect to the parent as CID 2", "%s", result(as_parent));
    if (as_parent >= 0) close(as_parent);
}

static void try_accept(int listener) {
    must(fcntl(listener, F_SETFL, O_NONBLOCK), "fcntl");
    row("vsock", "accept without blocking, nobody there", "%s", result(accept(listener, NULL, NULL)));
    must(fcntl(listener, F_SETFL, 0), "fcntl");
    struct timeval soon = { .tv_usec = 100000 };
    must(setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon), "SO_RCVTIMEO");
    row("vsock", "accept with a time-out", "%s", result(accept(listener, NULL, NULL)));
    struct timeval never = { 0 };
    must(setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &never, sizeof never), "SO_RCVTIMEO");

    struct sigaction action = { .sa_handler = count_signal };
    sigaction(SIGALRM, &action, NULL);
    alarm(1);
    int interrupted = accept(listener, NULL, NULL);
    row("vsock", "accept, interrupted by a signal", "%s, handler ran %s", result(interrupted), signals == 1 ? "once" : "otherwise");

    printf("ready\n");
    int connection = must(accept(listener, NULL, NULL), "accept");
    row("vsock", "own address of an accepted connection", "%s", name(connection, getsockname));
    row("vsock", "peer's address of an accepted connection", "%s", name(connection, getpeername));
    close(connection);

    struct pollfd ready = { .fd = listener, .events = POLLIN };
    row("vsock", "poll for a connection", "%s", poll(&ready, 1, 60000) == 1 && ready.revents == POLLIN ? "readable" : "another");
    struct sockaddr_vm peer;
    socklen_t length = sizeof peer;
    connection = must(accept4(listener, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC | SOCK_NONBLOCK), "accept4");
    row("vsock", "flags and address that accept4 gives", "%s, %s, CID %s", fcntl(connection, F_GETFD) & FD_CLOEXEC ? "close-on-exec" : "inherited",
        fcntl(connection, F_GETFL) & O_NONBLOCK ? "non-blocking" : "blocking", cid_name(peer.svm_cid));
    must(fcntl(connection, F_SETFL, 0), "fcntl");
    char bytes[16];
    size_t total = 0;
    for (ssize_t got; (got = recv(connection, bytes, sizeof bytes, 0)) > 0;) total += (size_t)got;
    send_all(connection, "heard", 5);
    row("vsock", "half-close by the parent", "%zu bytes, then an answer", total);
    close(connection);
    row("vsock", "shutdown of a listening socket", "%s", result(shutdown(listener, SHUT_RDWR)) );
    close(listener);
}

// ---- the rest --------------------------------------------------------------------------------------------------------

static void try_environment(int count, char **arguments) {
    char folder[256], line[64] = "";
    row("program", "arguments", "%d: %s", count - 1, count > 1 ? arguments[1] : "");
    row("program", "environment", "%s", getenv("GREETING") ? getenv("GREETING") : "missing");
    row("program", "working directory", "%s", getcwd(folder, sizeof folder));
    row("program", "user and group", "%u, %u", getuid(), getgid());
    row("program", "parent process", "%d", getppid());
    row("program", "session", "%s", getsid(0) == getpid() ? "leader" : "member");
    FILE *file = fopen("/proc/1/comm", "r");
    if (file && fgets(line, sizeof line, file)) line[strcspn(line, "\n")] = '\0';
    row("program", "process 1", "%s", line);
    row("program", "standard output", "%s", isatty(1) ? "a terminal" : "no terminal");
    struct utsname machine;
    uname(&machine);
    row("program", "host name", "%s", machine.nodename);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    row("limits", "open files", "%lu, at most %lu", (unsigned long)files.rlim_cur, (unsigned long)files.rlim_max);
    row("limits", "processors that may be used", "%ld", ({ cpu_set_t set; sched_getaffinity(0, sizeof set, &set); (long)CPU_COUNT(&set); }));
    struct ifaddrs *interfaces = NULL;
    getifaddrs(&interfaces);
    int others = 0, loopback = 0;
    for (struct ifaddrs *next = interfaces; next; next = next->ifa_next) {
        if (strcmp(next->ifa_name, "lo") == 0) loopback |= (next->ifa_flags & IFF_UP) != 0;
        else if (next->ifa_flags & IFF_UP) others++;
    }
    row("program", "network", "%s%s", loopback ? "lo is up" : "lo is down", others ? ", and more" : ", nothing else");
    row("program", "files of the parent machine", "%s", access("/etc/debian_version", F_OK) == 0 ? "visible" : "none");
    int file_descriptor = open("/written", O_CREAT | O_WRONLY, 0600);
    row("program", "the root file system", "%s", file_descriptor >= 0 ? "writable" : name_of(errno));
    row("program", "/dev/shm, /tmp, /run", "%s", access("/dev/shm", W_OK) == 0 && access("/tmp", W_OK) == 0 && access("/run", W_OK) == 0 ? "writable" : "missing");
    row("program", "io_uring_setup", "%s", syscall(425, 1, NULL) < 0 && errno == ENOSYS ? "ENOSYS" : "there");
}

int main(int count, char **arguments) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    own_cid = (unsigned)atoi(getenv("OWN_CID"));
    try_environment(count, arguments);
    try_nsm();
    int listener = serve();
    try_kinds();
    try_refusals();
    try_bind(listener);
    try_connection();
    try_accept(listener);
    printf("done\n");
    return 23;
}
