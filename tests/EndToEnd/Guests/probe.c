// The program of test images: says what it finds in its enclave, a line each, then does what its arguments say.
//
//     probe [exit N | signal N | orphans | terminate-init | ready-for-ever]
//
//     gcc -O2 -static -o probe probe.c

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <grp.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void say_identity(void) {
    char folder[4096];
    gid_t groups[64];
    int count = getgroups(64, groups);
    printf("user %d group %d groups", getuid(), getgid());
    for (int i = 0; i < count; i++) printf(" %d", groups[i]);
    printf("\nparent %d\nsession leader %s\nfolder %s\n", getppid(), getsid(0) == getpid() ? "yes" : "no", getcwd(folder, sizeof folder));
}

static void say_lines(const char *label, const char *path, const char *prefix) {
    char line[4096];
    FILE *file = fopen(path, "r");
    if (!file) {
        printf("%s absent\n", label);
        return;
    }
    while (fgets(line, sizeof line, file))
        if (strncmp(line, prefix, strlen(prefix)) == 0) printf("%s %s", label, line);
    fclose(file);
}

static void say_files(void) {
    const char *paths[] = { "/dev/nsm", "/dev/vsock", "/dev/null", "/dev/ptmx", "/dev/fd/1", "/dev/shm", "/run", "/tmp", "/cmd", "/init", "/modules" };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct stat status;
        if (stat(paths[i], &status) == 0)
            printf("file %s %o\n", paths[i], status.st_mode & 07777);
        else
            printf("file %s absent\n", paths[i]);
    }
}

static void say_loopback(void) {
    struct ifreq request = { .ifr_name = "lo" };
    int flags = socket(AF_INET, SOCK_DGRAM, 0), listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    ioctl(flags, SIOCGIFFLAGS, &request);
    int connected = bind(listener, (struct sockaddr *)&address, length) == 0 && listen(listener, 1) == 0
        && getsockname(listener, (struct sockaddr *)&address, &length) == 0 && connect(client, (struct sockaddr *)&address, length) == 0;
    printf("loopback %s %s\n", request.ifr_flags & IFF_UP ? "up" : "down", connected ? "connects" : "refuses");
}

static void say_descriptors(void) {
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;
    int count = 0;
    while (folder && (entry = readdir(folder)))
        if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(folder)) count++;
    printf("descriptors %d\n", count);
}

static int zombies(void) {
    DIR *folder = opendir("/proc");
    struct dirent *entry;
    int count = 0;
    while (folder && (entry = readdir(folder))) {
        char path[300], state = 0;
        if (atoi(entry->d_name) == 0) continue;
        snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        FILE *file = fopen(path, "r");
        if (file && fscanf(file, "%*d %*[^)]) %c", &state) == 1 && state == 'Z') count++;
        if (file) fclose(file);
    }
    closedir(folder);
    return count;
}

// Leaves ten processes without a parent: they are init's to collect.
static void leave_orphans(void) {
    if (fork() == 0) {
        for (int i = 0; i < 10; i++)
            if (fork() == 0) {
                usleep(50000);
                _exit(i);
            }
        _exit(0);
    }
    wait(NULL);
    usleep(50000);
    int left = zombies();
    for (int i = 0; i < 100 && left > 0; i++, left = zombies()) usleep(50000);
    printf("zombies %d\n", left);
}

int main(int count, char **arguments) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < count; i++) printf("argument %s\n", arguments[i]);
    for (char **variable = environ; *variable; variable++) printf("variable %s\n", *variable);
    say_identity();
    say_files();
    say_descriptors();
    say_loopback();
    say_lines("mount", "/proc/self/mounts", "");
    say_lines("signals", "/proc/self/status", "SigBlk");
    say_lines("init", "/proc/1/status", "VmRSS");
    say_lines("random", "/sys/class/misc/hw_random/rng_current", "");
    say_lines("clock", "/sys/devices/system/clocksource/clocksource0/current_clocksource", "");
    printf("probe done\n");

    const char *verb = count > 1 ? arguments[1] : "exit";
    int number = count > 2 ? atoi(arguments[2]) : 0;
    if (strcmp(verb, "orphans") == 0) leave_orphans();
    if (strcmp(verb, "signal") == 0) kill(getpid(), number);
    if (strcmp(verb, "terminate-init") == 0) kill(1, SIGTERM);
    if (strcmp(verb, "terminate-init") == 0 || strcmp(verb, "ready-for-ever") == 0)
        for (;;) pause();
    return strcmp(verb, "exit") == 0 ? number : 0;
}
