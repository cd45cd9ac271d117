// The interface of Linux's driver of Nitro enclaves (linux/nitro_enclaves.h), and its calls.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define NE_CREATE_VM _IOR(0xAE, 0x20, uint64_t)
#define NE_ADD_VCPU _IOWR(0xAE, 0x21, uint32_t)
#define NE_GET_IMAGE_LOAD_INFO _IOWR(0xAE, 0x22, struct load_info)
#define NE_SET_USER_MEMORY_REGION _IOW(0xAE, 0x23, struct memory_region)
#define NE_START_ENCLAVE _IOWR(0xAE, 0x24, struct start_info)

enum { PAGE = 2 << 20 };

struct load_info { uint64_t flags, memory_offset; };
struct memory_region { uint64_t flags, memory_size, userspace_addr; };
struct start_info { uint64_t flags, enclave_cid; };

static int device;

static inline int create(void) {
    uint64_t slot;
    return ioctl(device, NE_CREATE_VM, &slot);
}

static inline int add_cpu(int enclave, uint32_t cpu) { return ioctl(enclave, NE_ADD_VCPU, &cpu); }

static inline int add_memory(int enclave, uint64_t flags, const void *address, uint64_t size) {
    struct memory_region region = { flags, size, (uint64_t)(uintptr_t)address };
    return ioctl(enclave, NE_SET_USER_MEMORY_REGION, &region);
}

static inline int start(int enclave, uint64_t flags, uint64_t cid) {
    struct start_info info = { flags, cid };
    return ioctl(enclave, NE_START_ENCLAVE, &info);
}

static inline int locate(int enclave, uint64_t flags) {
    struct load_info info = { flags, 0 };
    return ioctl(enclave, NE_GET_IMAGE_LOAD_INFO, &info);
}

static inline void *map(int pages) {
    return mmap(NULL, (size_t)pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
}

// Memory that is aligned as huge pages are, and is made of small ones.
static inline char *map_small(void) {
    char *small = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    small = (char *)(((uintptr_t)small + PAGE - 1) & ~(uintptr_t)(PAGE - 1));
    memset(small, 1, PAGE);
    return small;
}

static inline int open_device(void) {
    device = open("/dev/nitro_enclaves", O_RDWR | O_CLOEXEC);
    if (device < 0) perror("/dev/nitro_enclaves");
    return device;
}
