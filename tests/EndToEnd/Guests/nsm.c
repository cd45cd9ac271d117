// Sends requests that the parent wrote by hand to /dev/nsm, by the raw ioctl. On SERVICE_PORT one connection; each order is
//   ioctl number (u32), request length (u32), response room (u32), then the request's bytes
// and each answer
//   errno (u32), response length (u32), then the response's bytes. Little-endian.
// Before it serves, it prints what the kernel has made of the device.

#include "guest.h"
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

struct nsm_iovec { uint64_t address, length; };
struct nsm_raw { struct nsm_iovec request, response; };
struct order { uint32_t number, length, room; };

static void print_random(void) {
    char name[64] = "";
    int file = open("/sys/class/misc/hw_random/rng_current", O_RDONLY);
    if (file < 0) return;
    must((int)read(file, name, sizeof name - 1), "read rng_current");
    close(file);
    printf("rng_current: %s", name);

    unsigned char bytes[32];
    // Does not wait: the kernel's generator is seeded by now, or this fails.
    ssize_t got = getrandom(bytes, sizeof bytes, GRND_NONBLOCK);
    printf("getrandom: %zd\n", got);

    file = open("/dev/hwrng", O_RDONLY);
    if (file < 0) return;
    printf("hwrng: %zd\n", read(file, bytes, sizeof bytes));
    close(file);
}

int main(void) {
    static unsigned char request[1 << 16], response[1 << 16];
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct stat status;
    must(stat("/dev/nsm", &status), "/dev/nsm");
    printf("mode: %o, major %u\n", status.st_mode, major(status.st_rdev));
    print_random();
    // Read-only is enough: the driver does not look.
    int nsm = must(open("/dev/nsm", O_RDONLY | O_CLOEXEC), "open /dev/nsm");
    int connection = must(accept(serve(), NULL, NULL), "accept");
    for (struct order order; recv(connection, &order, sizeof order, MSG_WAITALL) == sizeof order;) {
        if (order.length > sizeof request || order.room > sizeof response) die("the order");
        if (order.length > 0 && recv(connection, request, order.length, MSG_WAITALL) != (ssize_t)order.length) die("recv");
        struct nsm_raw raw = { { (uintptr_t)request, order.length }, { (uintptr_t)response, order.room } };
        uint32_t answer[2] = { 0, 0 };
        if (ioctl(nsm, order.number, &raw) < 0)
            answer[0] = (uint32_t)errno;
        else
            answer[1] = (uint32_t)raw.response.length;
        send_all(connection, answer, sizeof answer);
        send_all(connection, response, answer[1]);
    }

    return 0;
}
