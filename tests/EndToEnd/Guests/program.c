// Prints what a program finds when nitro-init has started it, then ends as the parent says: "exit N" or "kill N" on SERVICE_PORT.

#include "guest.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void print_file(const char *label, const char *path, const char *wanted) {
    char line[512];
    FILE *file = fopen(path, "r");
    if (!file) die(path);
    while (fgets(line, sizeof line, file))
        if (!wanted || strncmp(line, wanted, strlen(wanted)) == 0) printf("%s: %s", label, line);
    fclose(file);
}

static void print_descriptors(void) {
    char path[64], target[256];
    for (int descriptor = 0; descriptor < 64; descriptor++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
        ssize_t length = readlink(path, target, sizeof target - 1);
        if (length < 0) continue;
        target[length] = '\0';
        printf("descriptor %d: %s\n", descriptor, target);
    }
}

static void print_root(void) {
    DIR *root = opendir("/");
    if (!root) die("opendir");
    for (struct dirent *entry; (entry = readdir(root));)
        if (entry->d_name[0] != '.') printf("root: %s\n", entry->d_name);
    closedir(root);
}

// A grandchild whose parent is gone becomes process 1's: when it ends, it must not stay a zombie.
static void print_orphan(void) {
    int report[2], release[2];
    must(pipe(report), "pipe");
    must(pipe(release), "pipe");
    pid_t child = must(fork(), "fork");
    if (child == 0) {
        if (must(fork(), "fork") > 0) _exit(0);
        char byte;
        close(release[1]);
        (void)!read(release[0], &byte, 1);
        pid_t self[2] = { getpid(), getppid() };
        (void)!write(report[1], self, sizeof self);
        _exit(7);
    }

    int status;
    must(waitpid(child, &status, 0), "waitpid");
    close(release[0]);
    close(release[1]);
    pid_t orphan[2];
    if (read(report[0], orphan, sizeof orphan) != sizeof orphan) die("read from the orphan");
    int tries = 0;
    while (kill(orphan[0], 0) == 0 && tries++ < 500) usleep(10000);
    printf("orphan: parent %d, %s\n", orphan[1], tries < 500 ? "collected" : "left a zombie");
}

// The loopback interface is up: a connection to 127.0.0.1 where nobody listens is refused, not unreachable.
static void print_loopback(void) {
    struct sockaddr_in there = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int connection = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    int result = connect(connection, (struct sockaddr *)&there, sizeof there);
    printf("loopback: %s\n", result < 0 && errno == ECONNREFUSED ? "up" : strerror(errno));
    close(connection);
}

int main(int count, char **arguments, char **environment) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    print_descriptors();
    for (int i = 0; i < count; i++) printf("argument %d: %s\n", i, arguments[i]);
    for (char **variable = environment; *variable; variable++) printf("variable: %s\n", *variable);
    char folder[256];
    printf("folder: %s\n", getcwd(folder, sizeof folder));
    printf("leads: %d %d, parent %d, user %u %u\n", getsid(0) == getpid(), getpgrp() == getpid(), getppid(), getuid(), getgid());
    mode_t mask = umask(0);
    printf("umask: %03o\n", mask);
    print_file("signals", "/proc/self/status", "SigBlk");
    print_file("signals", "/proc/self/status", "SigIgn");
    print_file("process 1", "/proc/1/comm", NULL);
    print_file("mount", "/proc/self/mounts", NULL);
    print_file("cpu", "/proc/cpuinfo", "processor");
    printf("processors: %ld\n", sysconf(_SC_NPROCESSORS_ONLN));
    print_root();
    print_loopback();
    print_orphan();
    printf("ready\n");

    int listener = serve();
    int connection = must(accept(listener, NULL, NULL), "accept");
    char order[32] = "";
    if (recv(connection, order, sizeof order - 1, 0) <= 0) die("recv");
    printf("order: %s\n", order);
    int number = 0;
    if (sscanf(order, "exit %d", &number) == 1) exit(number);
    if (sscanf(order, "kill %d", &number) == 1) raise(number);
    die("the order");
}
