// Lists every file of the root file system to whoever connects to LIST_PORT, then becomes the program that its arguments name.
//
// A line a file, fields between spaces, folders before what they hold:
//
//     path in hex ("" is the root) | d - l c b p s | mode octal | user | group | links | size or major:minor | SHA-256 of content or link target
//     | number of its first name among hard links, counted from 0 in the order of the lines; - where it has one name
//
// What is mounted over the root file system (/dev, /proc, ...) is looked under: a second mount of the root shows it alone.

#include "guest.h"
#include "sha256.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum { LIST_PORT = 5001 };

static const char *const s_view = "/tmp/view";

static FILE *s_output;
static struct { ino_t inode; long number; } *s_linked;
static size_t s_linked_count;
static long s_number;

static void hash_file(const char *path, mode_t type, unsigned char digest[32]) {
    static unsigned char buffer[1 << 16];
    struct sha256 hash;
    sha256_start(&hash);
    if (type == S_IFLNK) {
        ssize_t length = readlink(path, (char *)buffer, sizeof buffer);
        must((int)length, path);
        sha256_add(&hash, buffer, (size_t)length);
    } else if (type == S_IFREG) {
        int file = must(open(path, O_RDONLY | O_CLOEXEC), path);
        ssize_t length;
        while ((length = read(file, buffer, sizeof buffer)) > 0) sha256_add(&hash, buffer, (size_t)length);
        must((int)length, path);
        close(file);
    }
    sha256_finish(&hash, digest);
}

static long first_name(const struct stat *status) {
    if (S_ISDIR(status->st_mode) || status->st_nlink < 2) return -1;
    for (size_t i = 0; i < s_linked_count; i++)
        if (s_linked[i].inode == status->st_ino) return s_linked[i].number;
    s_linked = realloc(s_linked, (s_linked_count + 1) * sizeof *s_linked);
    if (!s_linked) die("realloc");
    s_linked[s_linked_count].inode = status->st_ino;
    s_linked[s_linked_count++].number = s_number;
    return s_number;
}

static void list_file(const char *path, const struct stat *status) {
    mode_t type = status->st_mode & S_IFMT;
    char letter = type == S_IFDIR ? 'd' : type == S_IFREG ? '-' : type == S_IFLNK ? 'l' : type == S_IFCHR ? 'c' : type == S_IFBLK ? 'b' : type == S_IFIFO ? 'p' : 's';
    fputc('"', s_output);
    for (const char *next = path + strlen(s_view) + (path[strlen(s_view)] == '/'); *next; next++) fprintf(s_output, "%02x", (unsigned char)*next);
    fprintf(s_output, "\" %c %o %u %u %lu ", letter, status->st_mode & 07777, status->st_uid, status->st_gid,
        type == S_IFDIR ? 0 : (unsigned long)status->st_nlink);
    if (type == S_IFCHR || type == S_IFBLK)
        fprintf(s_output, "%u:%u ", major(status->st_rdev), minor(status->st_rdev));
    else
        fprintf(s_output, "%lld ", type == S_IFDIR ? 0LL : (long long)status->st_size);
    unsigned char digest[32];
    hash_file(path, type, digest);
    for (int i = 0; i < 32; i++) fprintf(s_output, "%02x", digest[i]);
    long first = first_name(status);
    if (first < 0)
        fprintf(s_output, " -\n");
    else
        fprintf(s_output, " %ld\n", first);
    s_number++;
}

static int by_bytes(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static void list(const char *path) {
    struct stat status;
    must(lstat(path, &status), path);
    list_file(path, &status);
    if (!S_ISDIR(status.st_mode)) return;
    struct dirent **names;
    int count = must(scandir(path, &names, NULL, by_bytes), path);
    for (int i = 0; i < count; i++) {
        if (strcmp(names[i]->d_name, ".") != 0 && strcmp(names[i]->d_name, "..") != 0) {
            char *below;
            must(asprintf(&below, "%s/%s", path, names[i]->d_name), "asprintf");
            list(below);
            free(below);
        }
        free(names[i]);
    }
    free(names);
}

int main(int count, char **arguments) {
    struct sockaddr_vm here = address(ANYONE, LIST_PORT);
    int listener = must(socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    must(bind(listener, (struct sockaddr *)&here, sizeof here), "bind");
    must(listen(listener, 1), "listen");
    int connection = must(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "accept");
    must(mkdir(s_view, 0700), s_view);
    must(mount("/", s_view, NULL, MS_BIND, NULL), "mount");
    s_output = fdopen(connection, "w");
    if (!s_output) die("fdopen");
    list(s_view);
    fputs("end\n", s_output);
    if (fclose(s_output) != 0) die("write the list");
    must(umount(s_view), "umount");
    close(listener);
    if (count > 1) {
        execv(arguments[1], arguments + 1);
        die(arguments[1]);
    }
    return 0;
}
