// Makes life hard for whoever answers an enclave's calls, and prints how often that went well:
//   connects under a signal every 100 microseconds, threads that connect, forks and execs that use sockets of their parents,
//   copies of descriptors that epoll watches. The parent sends back four bytes on PARENT_PORT.
// Started with two arguments it is what a fork has executed: it asks on an inherited socket.

#include "guest.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <sys/wait.h>

enum { PARENT_PORT = 7000, CONNECTS = 10000, THREADS = 200, PER_THREAD = 10, FORKS = 200, WATCHED = 100 };

static volatile sig_atomic_t alarms;
static void count_alarm(int number) { (void)number; alarms++; }

static int talk(int connection, uint32_t asked) {
    uint32_t heard = ~asked;
    send_all(connection, &asked, sizeof asked);
    size_t got = 0;
    while (got < sizeof heard) {
        ssize_t part = recv(connection, (char *)&heard + got, sizeof heard - got, 0);
        if (part < 0 && errno == EINTR) continue;
        if (part <= 0) return 0;
        got += (size_t)part;
    }

    return heard == asked;
}

static int dial_and_talk(uint32_t asked) {
    int connection = dial(PARENT_CID, PARENT_PORT);
    if (connection < 0) return 0;
    int good = talk(connection, asked);
    close(connection);
    return good;
}

static void *many(void *argument) {
    intptr_t good = 0;
    for (int i = 0; i < PER_THREAD; i++) good += dial_and_talk((uint32_t)(intptr_t)argument * PER_THREAD + (uint32_t)i);
    return (void *)good;
}

static int under_signals(void) {
    struct sigaction action = { .sa_handler = count_alarm, .sa_flags = SA_RESTART };
    struct itimerval often = { { 0, 100 }, { 0, 100 } }, never = { { 0, 0 }, { 0, 0 } };
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    int good = 0;
    for (int i = 0; i < CONNECTS; i++) {
        int connection = dial(PARENT_CID, PARENT_PORT);
        if (connection < 0) continue;
        good++;
        close(connection);
    }

    setitimer(ITIMER_REAL, &never, NULL);
    return good;
}

static int in_threads(void) {
    pthread_t threads[THREADS];
    intptr_t good = 0;
    for (intptr_t i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, many, (void *)i) != 0) die("pthread_create");
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        good += (intptr_t)result;
    }

    return (int)good;
}

static int in_forks(const char *self) {
    int good = 0, status;
    for (int i = 0; i < FORKS; i++) {
        int connection = must(socket(AF_VSOCK, SOCK_STREAM, 0), "socket");
        struct sockaddr_vm there = address(PARENT_CID, PARENT_PORT);
        must(connect(connection, (struct sockaddr *)&there, sizeof there), "connect");
        if (must(fork(), "fork") == 0) {
            char number[16], descriptor[16];
            snprintf(number, sizeof number, "%d", i);
            snprintf(descriptor, sizeof descriptor, "%d", connection);
            execl(self, self, descriptor, number, NULL);
            _exit(1);
        }

        close(connection);
    }

    while (wait(&status) > 0) good += status == 0;
    return good;
}

static int under_epoll(void) {
    int epoll = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1"), good = 0;
    int copies[WATCHED];
    for (int i = 0; i < WATCHED; i++) {
        // Registered before it is connected, by a copy that outlives the original.
        int connection = must(socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
        copies[i] = must(dup(connection), "dup");
        struct epoll_event interest = { .events = EPOLLIN, .data.u32 = (uint32_t)i };
        must(epoll_ctl(epoll, EPOLL_CTL_ADD, copies[i], &interest), "epoll_ctl");
        struct sockaddr_vm there = address(PARENT_CID, PARENT_PORT);
        if (connect(connection, (struct sockaddr *)&there, sizeof there) < 0 && errno != EINPROGRESS) die("connect");
        close(connection);
    }

    for (uint32_t i = 0; i < WATCHED; i++) send_all(copies[i], &i, sizeof i);
    for (int left = WATCHED; left > 0;) {
        struct epoll_event ready[16];
        int count = epoll_wait(epoll, ready, 16, 30000);
        if (count <= 0) break;
        for (int i = 0; i < count; i++) {
            uint32_t which = ready[i].data.u32, heard = ~which;
            if (recv(copies[which], &heard, sizeof heard, 0) != sizeof heard) continue;
            good += heard == which;
            left--;
            epoll_ctl(epoll, EPOLL_CTL_DEL, copies[which], NULL);
            close(copies[which]);
        }
    }

    return good;
}

int main(int count, char **arguments) {
    if (count == 3) return talk(atoi(arguments[1]), (uint32_t)atoi(arguments[2])) ? 0 : 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("signals: %d of %d\n", under_signals(), CONNECTS);
    printf("interrupted: %s\n", alarms > 0 ? "yes" : "no");
    printf("threads: %d of %d\n", in_threads(), THREADS * PER_THREAD);
    printf("forks: %d of %d\n", in_forks(arguments[0]), FORKS);
    printf("epoll: %d of %d\n", under_epoll(), WATCHED);
    return 0;
}
