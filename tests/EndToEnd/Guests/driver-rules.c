// Provokes what Linux's nitro_enclaves driver refuses, by its ioctls alone, and prints for each refusal a name and the error number that came.
//   driver-rules           most of them; wants a pool of four CPUs, 2 to 5, and 128 free huge pages of 2 MiB
//   driver-rules node N    gives a page of that node, where the pool's CPUs are not; sets one aside there where none is
//   driver-rules page      gives a page that is too small
//   driver-rules core P    makes an enclave, and asks for a CPU once there is a file at the path P

#include "nitro-driver.h"
#include <sys/syscall.h>

enum { PAGES = 128, CID = 77 };

static char *memory;

static void row(const char *name, int result) { printf("%s %d\n", name, result < 0 ? errno : 0); }

static void processors(void) {
    int enclave = create();
    row("no rule: a CPU of the pool", add_cpu(enclave, 2));
    row("VCPU_ALREADY_USED", add_cpu(enclave, 2));
    row("VCPU_NOT_IN_CPU_POOL", add_cpu(enclave, 1));
    row("INVALID_VCPU", add_cpu(enclave, 100));
    int other = create();
    row("VCPU_NOT_IN_CPU_POOL: another enclave's core", add_cpu(other, 3));
    close(other);
    for (int i = 0; i < 3; i++) add_cpu(enclave, 0);
    row("NO_CPUS_AVAIL_IN_POOL: a CPU", add_cpu(enclave, 0));
    row("NO_CPUS_AVAIL_IN_POOL: an enclave", create());
    close(enclave);
    row("EFAULT: a slot", ioctl(device, NE_CREATE_VM, (void *)8));
    row("ENOTTY: the device", ioctl(device, NE_ADD_VCPU, 0));
}

static void regions(void) {
    int enclave = create();
    char *small = map_small();
    row("INVALID_MEM_REGION_SIZE", add_memory(enclave, 0, memory, PAGE / 2));
    row("UNALIGNED_MEM_REGION_ADDR", add_memory(enclave, 0, memory + 4096, PAGE));
    row("INVALID_MEM_REGION_ADDR", add_memory(enclave, 0, (void *)0xFFFF800000000000, PAGE));
    row("MEM_NOT_HUGE_PAGE", add_memory(enclave, 0, small, PAGE));
    row("INVALID_FLAG_VALUE: a region", add_memory(enclave, 1, memory, PAGE));
    row("ENOMEM: an empty region", add_memory(enclave, 0, memory, 0));
    row("no rule: a huge page", add_memory(enclave, 0, memory, PAGE));
    row("MEM_REGION_ALREADY_USED", add_memory(enclave, 0, memory, PAGE));
    int result = 0;
    for (int i = 1; i < PAGES && result == 0; i++) result = add_memory(enclave, 0, memory + (size_t)i * PAGE, PAGE);
    row("MEM_MAX_REGIONS", result);
    pid_t child = fork();
    if (child == 0) {
        row("EIO: another process's CPU", add_cpu(enclave, 4));
        row("EIO: another process", add_memory(enclave, 0, memory, PAGE));
        fflush(stdout);
        _exit(0);
    }

    waitpid(child, NULL, 0);
    close(enclave);
}

static void starts(void) {
    int enclave = create();
    row("NO_MEM_REGIONS_ADDED", start(enclave, 0, 0));
    add_memory(enclave, 0, memory, 31 * (uint64_t)PAGE);
    row("ENCLAVE_MEM_MIN_SIZE", start(enclave, 0, 0));
    add_memory(enclave, 0, memory + 31 * (size_t)PAGE, PAGE);
    row("NO_VCPUS_ADDED", start(enclave, 0, 0));
    add_cpu(enclave, 2);
    row("FULL_CORES_NOT_USED", start(enclave, 0, 0));
    row("INVALID_FLAG_VALUE: a start", start(enclave, 2, 0));
    row("INVALID_ENCLAVE_CID: 1", start(enclave, 0, 1));
    row("INVALID_ENCLAVE_CID: the host's", start(enclave, 0, 2));
    row("INVALID_ENCLAVE_CID: the parent's", start(enclave, 0, 3));
    row("INVALID_ENCLAVE_CID: any", start(enclave, 0, UINT32_MAX));
    row("INVALID_ENCLAVE_CID: 64 bits", start(enclave, 0, 1ULL << 33));
    row("INVALID_FLAG_VALUE: an image", locate(enclave, 0));
    row("EFAULT: an image", ioctl(enclave, NE_GET_IMAGE_LOAD_INFO, (void *)8));
    row("ENOTTY: an enclave", ioctl(enclave, _IO(0xAE, 0x7F), 0));
    add_cpu(enclave, 0);
    row("no rule: a start", start(enclave, 1, CID));
    int other = create();
    for (int i = 40; i < 40 + 32; i++) add_memory(other, 0, memory + (size_t)i * PAGE, PAGE);
    for (int i = 0; i < 2; i++) add_cpu(other, 0);
    row("EINVAL: another enclave's CID", start(other, 1, CID));
    close(other);
    row("NOT_IN_INIT_STATE: a CPU", add_cpu(enclave, 3));
    row("NOT_IN_INIT_STATE: memory", add_memory(enclave, 0, memory + 32 * (size_t)PAGE, PAGE));
    row("NOT_IN_INIT_STATE: a start", start(enclave, 0, 0));
    // The driver looks at flags of regions and CIDs first, and at those of images, CPUs' numbers and regions after that.
    row("NOT_IN_INIT_STATE: an image", locate(enclave, 7));
    row("NOT_IN_INIT_STATE: a CPU that is not there", add_cpu(enclave, 100));
    row("NOT_IN_INIT_STATE: a region of no size", add_memory(enclave, 0, memory, 5));
    row("INVALID_FLAG_VALUE: a region after the start", add_memory(enclave, 1, memory, PAGE));
    row("INVALID_ENCLAVE_CID: after the start", start(enclave, 0, 3));
    close(enclave);
}

static void set_aside(const char *node, const char *count) {
    char path[128];
    snprintf(path, sizeof path, "/sys/devices/system/node/node%s/hugepages/hugepages-2048kB/nr_hugepages", node);
    int file = open(path, O_WRONLY);
    if (file < 0 || write(file, count, strlen(count)) < 0) perror(path);
    close(file);
}

static void page_of_node(const char *node) {
    enum { BIND = 2 };
    unsigned long mask = 1UL << atoi(node);
    int is_ours = atoi(node) > 0;
    if (is_ours) set_aside(node, "1");
    char *page = map(1);
    if (page == MAP_FAILED || syscall(SYS_mbind, page, (size_t)PAGE, BIND, &mask, 64UL, 0UL)) perror("a page of the node");
    memset(page, 1, PAGE);
    row("MEM_DIFFERENT_NUMA_NODE", add_memory(create(), 0, page, PAGE));
    munmap(page, PAGE);
    if (is_ours) set_aside(node, "0");
}

static void cpu_after(const char *path) {
    int enclave = create();
    while (access(path, F_OK)) usleep(1000);
    row("VCPU_INVALID_CPU_CORE", add_cpu(enclave, 0));
}

int main(int count, char **arguments) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (open_device() < 0) return 1;
    if (count > 1) {
        if (!strcmp(arguments[1], "node")) page_of_node(arguments[2]);
        if (!strcmp(arguments[1], "page")) row("INVALID_PAGE_SIZE", add_memory(create(), 0, map(1), PAGE));
        if (!strcmp(arguments[1], "core")) cpu_after(arguments[2]);
        return 0;
    }

    memory = map(PAGES);
    if (memory == MAP_FAILED) {
        perror("driver-rules");
        return 1;
    }

    processors();
    regions();
    starts();
    return 0;
}
