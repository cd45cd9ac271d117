// Lists every file of the root file system but what is mounted over it, a line each:
//     entry PATH TYPE-AND-MODE UID:GID LINKS DEVICE SIZE HASH TARGET
// in octal, decimal, and hexadecimal (FNV-1a of the content); bytes of names that are not plain ASCII letters as %XX.

#define _GNU_SOURCE
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static void print_name(const char *name) {
    for (; *name; name++)
        if (*name > ' ' && *name < 0x7f && *name != '%') putchar(*name);
        else printf("%%%02x", (unsigned char)*name);
}

static uint64_t hash_content(const char *path) {
    uint64_t hash = 0xcbf29ce484222325;
    unsigned char buffer[65536];
    int file = open(path, O_RDONLY);
    for (ssize_t count; (count = read(file, buffer, sizeof buffer)) > 0;)
        for (ssize_t i = 0; i < count; i++) hash = (hash ^ buffer[i]) * 0x100000001b3;
    close(file);
    return hash;
}

static int print_entry(const char *path, const struct stat *status, int kind, struct FTW *place) {
    (void)kind;
    if (place->level == 0) return 0;
    char target[4096] = "";
    if (S_ISLNK(status->st_mode)) target[readlink(path, target, sizeof target - 1)] = '\0';
    printf("entry ");
    print_name(path);
    printf(" %o %u:%u %u %u:%u %llu %016llx ", status->st_mode, status->st_uid, status->st_gid,
        S_ISDIR(status->st_mode) ? 0 : (unsigned)status->st_nlink,
        S_ISCHR(status->st_mode) || S_ISBLK(status->st_mode) ? major(status->st_rdev) : 0,
        S_ISCHR(status->st_mode) || S_ISBLK(status->st_mode) ? minor(status->st_rdev) : 0,
        S_ISREG(status->st_mode) ? (unsigned long long)status->st_size : 0,
        S_ISREG(status->st_mode) ? (unsigned long long)hash_content(path) : 0);
    print_name(target);
    putchar('\n');
    return 0;
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 4096);
    nftw("/", print_entry, 16, FTW_PHYS | FTW_MOUNT);
    printf("entries listed\n");
    return 0;
}
