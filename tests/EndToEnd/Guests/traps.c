// Steps on what whoever answers an enclave's calls can fall over, and prints what came of it:
//   ways of calling that could lead around a filter: a sign-extended ioctl, x32 and 32-bit calls
//   a refused connect that is watched by epoll
//   a connection that the guest closes, after its copies elsewhere were asked for names; the parent listens on PARENT_PORT
//   a port that is free as soon as the last descriptor is closed
//   accepts on SERVICE_PORT that a handled signal interrupts and the kernel restarts, by the first thread and by another. The parent
//   connects once it has read "handler ran".

#include "guest.h"
#include <fcntl.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/time.h>

enum { PARENT_PORT = 7000, CLOSED_PORT = 7001, LISTENS = 2000 };

static const char *name_of(long result) { return result < 0 ? strerrorname_np(errno) : "success"; }

static void call_otherwise(void) {
    struct { uint64_t request, length, response, room; } raw;
    char request[] = "\x6b" "DescribeNSM", response[4096];
    raw.request = (uintptr_t)request, raw.length = sizeof request - 1, raw.response = (uintptr_t)response, raw.room = sizeof response;
    int nsm = must(open("/dev/nsm", O_RDWR | O_CLOEXEC), "/dev/nsm");
    // As musl passes the number of an ioctl, which is an int there.
    long result = syscall(SYS_ioctl, nsm, 0xFFFFFFFFC0200A00ul, &raw);
    printf("sign-extended ioctl: %s, %s\n", name_of(result), raw.room > 100 && raw.room < sizeof response ? "a description" : "nothing");
    close(nsm);
    printf("socket by x32: %s\n", name_of(syscall(0x40000000 | SYS_socket, AF_VSOCK, SOCK_STREAM, 0)));
    // getpid among the 32-bit calls is 20; rbx to rdi are not read.
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
    errno = (int)-result;
    printf("a 32-bit call: %s\n", name_of(result));
    struct io_uring_params parameters = { 0 };
    printf("io_uring_setup: %s\n", name_of(syscall(SYS_io_uring_setup, 4, &parameters)));
}

static int error_of(int socket) {
    int error = -1;
    socklen_t length = sizeof error;
    must(getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length), "SO_ERROR");
    return error;
}

static void be_refused(void) {
    int epoll = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    int connection = must(socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
    struct sockaddr_vm there = address(PARENT_CID, CLOSED_PORT);
    int result = connect(connection, (struct sockaddr *)&there, sizeof there);
    printf("refused without blocking: %s", name_of(result));
    struct epoll_event interest = { .events = EPOLLOUT }, ready;
    must(epoll_ctl(epoll, EPOLL_CTL_ADD, connection, &interest), "epoll_ctl");
    printf(", %s", epoll_wait(epoll, &ready, 1, 30000) == 1 ? "epoll tells" : "epoll says nothing");
    int first = error_of(connection), second = error_of(connection);
    printf(", SO_ERROR %s, then %d\n", strerrorname_np(first), second);
    close(connection);
    close(epoll);
}

static void say_good_bye(void) {
    int connection = must(dial(PARENT_CID, PARENT_PORT), "connect");
    struct sockaddr_vm name;
    socklen_t length = sizeof name;
    must(getpeername(connection, (struct sockaddr *)&name, &length), "getpeername");
    error_of(connection);
    send_all(connection, "good bye", 8);
    close(connection);
    // Stays until the parent has seen the end of the stream.
    printf("closed\n");
}

static void listen_often(void) {
    int good = 0;
    for (; good < LISTENS; good++) close(serve());
    printf("listened: %d of %d\n", good, LISTENS);
}

static void tell(int number) {
    (void)number;
    if (write(1, "handler ran\n", 12) < 0) _exit(1);
}

static int take_one(void) {
    struct sockaddr_vm name;
    socklen_t length = sizeof name;
    int listener = serve(), connection = accept(listener, (struct sockaddr *)&name, &length);
    if (connection >= 0) close(connection);
    close(listener);
    return connection < 0 ? -1 : (int)name.svm_cid;
}

static void *take_in_thread(void *unused) {
    (void)unused;
    printf("accepted by another thread: CID %d\n", take_one());
    return NULL;
}

static void be_interrupted(void) {
    struct sigaction action = { .sa_handler = tell, .sa_flags = SA_RESTART };
    struct itimerval once = { { 0, 0 }, { 0, 300000 } };
    must(sigaction(SIGALRM, &action, NULL), "sigaction");
    must(sigaction(SIGUSR1, &action, NULL), "sigaction");
    // Sent to the process.
    must(setitimer(ITIMER_REAL, &once, NULL), "setitimer");
    printf("accepted by the first thread: CID %d\n", take_one());
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    call_otherwise();
    be_refused();
    listen_often();
    say_good_bye();
    be_interrupted();
    // Sent to a thread, once that has surely been waiting for a while.
    pthread_t thread;
    sigset_t all;
    sigfillset(&all);
    if (pthread_create(&thread, NULL, take_in_thread, NULL) != 0) die("pthread_create");
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    usleep(300000);
    pthread_kill(thread, SIGUSR1);
    pthread_join(thread, NULL);
    return 0;
}
