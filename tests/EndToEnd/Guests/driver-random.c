// driver-random SEED COUNT: makes ioctls of Linux's driver of Nitro enclaves, in an order and with arguments that the seed says, and prints
// what came of each: what two drivers print is the same where they have the same rules. It wants 64 free huge pages of 2 MiB.

#include "nitro-driver.h"

enum { PAGES = 64, ENCLAVES = 3 };

static uint64_t state;

// xorshift64*
static unsigned below(unsigned limit) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (unsigned)((state * 0x2545F4914F6CDD1D) >> 33) % limit;
}

#define ANY_OF(array) (array)[below(sizeof(array) / sizeof *(array))]

static int say(const char *what, int enclave, int result) {
    printf("%s %d: %d\n", what, enclave, result < 0 ? errno : 0);
    return result;
}

static void give_cpu(int number, int enclave) {
    static const uint32_t cpus[] = { 0, 0, 0, 1, 2, 3, 4, 5, 6, 100 };
    uint32_t cpu = ANY_OF(cpus);
    printf("CPU %u: ", cpu);
    say("of", number, ioctl(enclave, NE_ADD_VCPU, &cpu));
    printf("it is %u\n", cpu);
}

static void give_memory(int number, int enclave, char *memory, char *small) {
    static const uint64_t sizes[] = { PAGE, PAGE, 2 * PAGE, 16 * PAGE, 32 * (uint64_t)PAGE, 0, PAGE / 2, 5, 1ULL << 63 };
    static const uint64_t offsets[] = { 0, 0, 0, 0, 0, 0, 4096, PAGE / 2 };
    char *base = below(8) == 0 ? small : memory + (size_t)below(PAGES) * PAGE;
    if (below(16) == 0) base = (char *)0xFFFF800000000000;
    uint64_t size = ANY_OF(sizes), offset = ANY_OF(offsets);
    say("memory", number, add_memory(enclave, below(16) == 0, base + offset, size));
}

static void begin(int number, int enclave) {
    static const uint64_t cids[] = { 50, 51, 52, 50, 51, 52, 1, 2, 3, UINT32_MAX, 1ULL << 33 };
    uint64_t flags = below(8) == 0 ? 2 : below(2), cid = ANY_OF(cids);
    say("start", number, start(enclave, flags, cid));
}

static void act(int number, int enclave, char *memory, char *small) {
    switch (below(8)) {
    case 0: case 1: give_cpu(number, enclave); break;
    case 2: case 3: case 4: give_memory(number, enclave, memory, small); break;
    case 5: say("image", number, locate(enclave, below(3))); break;
    case 6: begin(number, enclave); break;
    case 7: say("unknown", number, ioctl(enclave, below(2) ? NE_CREATE_VM : _IO(0xAE, 0x7F), 0)); break;
    }
}

int main(int count, char **arguments) {
    int enclaves[ENCLAVES] = { -1, -1, -1 };
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (count != 3 || open_device() < 0) return 1;
    // Behind the pages is nothing that a region could run into.
    char *memory = mmap(NULL, (size_t)4 * PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0), *small = map_small();
    memory = (char *)(((uintptr_t)memory + PAGE - 1) & ~(uintptr_t)(PAGE - 1));
    memory = mmap(memory, (size_t)PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_FIXED, -1, 0);
    if (memory == MAP_FAILED) {
        perror("driver-random");
        return 1;
    }

    state = strtoull(arguments[1], NULL, 10);
    for (int left = atoi(arguments[2]); left > 0; left--) {
        int number = (int)below(ENCLAVES);
        if (enclaves[number] < 0) {
            enclaves[number] = say("create", number, create());
        } else if (below(12) == 0) {
            close(enclaves[number]);
            enclaves[number] = -1;
            printf("close %d\n", number);
        } else if (below(8) == 0) {
            pid_t child = fork();
            uint64_t next = state;
            if (child == 0) {
                printf("another process: ");
                act(number, enclaves[number], memory, small);
                fflush(stdout);
                _exit(0);
            }

            waitpid(child, NULL, 0);
            state = next * 3;
        } else {
            act(number, enclaves[number], memory, small);
        }
    }

    return 0;
}
