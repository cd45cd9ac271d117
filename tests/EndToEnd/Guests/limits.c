// Asks for more than an enclave is to get, up to a bound, and says how much it got, as pairs of arguments want it:
//   memory MIB    touches one MiB after the other
//   processes N   forks children that stay
// Where it got all of that, it exits with 0, else with the number of what it did not get.

#include "guest.h"
#include <signal.h>
#include <sys/wait.h>

static int take_memory(int most) {
    for (int mib = 0; mib < most; mib++) {
        char *part = malloc(1 << 20);
        if (!part) die("malloc");
        memset(part, mib + 1, 1 << 20);
        // Kept on purpose.
        *(volatile char *)part = 1;
        if ((mib + 1) % 16 == 0) printf("touched %d MiB\n", mib + 1);
    }

    printf("got all\n");
    return 0;
}

static int take_processes(int most) {
    int got = 0;
    pid_t *children = calloc((size_t)most, sizeof *children);
    if (!children) die("calloc");
    for (; got < most; got++) {
        children[got] = fork();
        if (children[got] < 0) break;
        if (children[got] == 0)
            for (;;) pause();
    }

    printf("forked %d, then %s\n", got, got < most ? strerror(errno) : "had all");
    for (int i = 0; i < got; i++) kill(children[i], SIGKILL);
    while (wait(NULL) > 0);
    return got < most;
}

int main(int count, char **arguments) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    int lacking = 0;
    for (int i = 1; i + 1 < count; i += 2) {
        if (strcmp(arguments[i], "memory") == 0) lacking += take_memory(atoi(arguments[i + 1]));
        else if (strcmp(arguments[i], "processes") == 0) lacking += take_processes(atoi(arguments[i + 1]));
        else die("the arguments");
    }

    return lacking;
}
