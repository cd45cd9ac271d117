// Brings its guest into the states that the arguments before "--" name, then becomes the program after it.

#include "guest.h"
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <time.h>

// The device that Debian's module brd makes, with the header that mkswap writes: version, last page, magic.
static void swap_to_ram_disk(void) {
    const char *path = "/dev/ram0";
    unsigned pages = 1024;
    char header[4096] = "";
    unsigned version[2] = { 1, pages - 1 };
    memcpy(header + 1024, version, sizeof version);
    memcpy(header + sizeof header - 10, "SWAPSPACE2", 10);
    int disk = must(open(path, O_WRONLY), path);
    if (write(disk, header, sizeof header) != sizeof header) die("write to the ram disk");
    close(disk);
    must(swapon(path, 0), "swapon");
}

static void set_clock_forward(void) {
    struct timespec now;
    must(clock_gettime(CLOCK_REALTIME, &now), "clock_gettime");
    now.tv_sec += 3600;
    must(clock_settime(CLOCK_REALTIME, &now), "clock_settime");
}

static void enter(const char *state) {
    struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
    if (strcmp(state, "swap") == 0) swap_to_ram_disk();
    else if (strcmp(state, "clock-ahead") == 0) set_clock_forward();
    else if (strcmp(state, "core-dumps") == 0) must(setrlimit(RLIMIT_CORE, &unlimited), "setrlimit");
    else if (strcmp(state, "nsm-closed") == 0) must(chmod("/dev/nsm", 0600), "chmod");
    else die(state);
}

int main(int count, char **arguments) {
    int next = 1;
    for (; next < count && strcmp(arguments[next], "--") != 0; next++) enter(arguments[next]);
    if (next + 1 >= count) die("the program");
    execv(arguments[next + 1], arguments + next + 1);
    die("execv");
}
