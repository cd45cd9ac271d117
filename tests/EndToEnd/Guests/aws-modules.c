// Debian's kernel has as modules what AWS's kernels have built in, and an init by AWS's rules loads nsm.ko alone. This part is
// linked into it: before main, it loads the others out of the program itself, so that the ramdisks stay exactly AWS's.

#define _GNU_SOURCE
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

struct kernel_module { const void *start; size_t length; };

// Ends with one of no length.
extern const struct kernel_module kernel_modules[];

__attribute__((constructor)) static void load_kernel_modules(void) {
    for (const struct kernel_module *module = kernel_modules; module->length > 0; module++)
        if (syscall(SYS_init_module, module->start, module->length, "") != 0) _exit(99);
}
