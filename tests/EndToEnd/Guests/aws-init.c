// An init by the rules that AWS's enclave images keep, for the test that such images start: the ramdisks hold /init,
// perhaps /nsm.ko, then /cmd, /env and /rootfs, and nothing else of ours. Written from the description of those rules.
//
//     gcc -O2 -static -o init aws-init.c
//
// It keeps their faults as well, because images have them: no retry of the ready byte, no timeout, no report of the end.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PARENT_CID = 3, READY_PORT = 9000, READY_BYTE = 0xB7 };

static void die(const char *what) {
    perror(what);
    exit(errno);
}

static void must(int result, const char *what) {
    if (result < 0) die(what);
}

static void must_or(int result, int tolerated, const char *what) {
    if (result < 0 && errno != tolerated) die(what);
}

static void mount_devices(void) {
    must_or(mount("dev", "/dev", "devtmpfs", MS_NOSUID | MS_NOEXEC, NULL), EBUSY, "mount /dev");
}

static void open_console(void) {
    if (!freopen("/dev/console", "r", stdin) || !freopen("/dev/console", "w", stdout) || !freopen("/dev/console", "w", stderr))
        die("open /dev/console");
}

static void load_nsm_driver(void) {
    int module = open("nsm.ko", O_RDONLY | O_CLOEXEC);
    if (module < 0) {
        if (errno == ENOENT) return;
        die("open nsm.ko");
    }
    must(syscall(SYS_finit_module, module, "", 0), "load nsm.ko");
    close(module);
    must(unlink("nsm.ko"), "unlink nsm.ko");
}

static void signal_ready(void) {
    struct sockaddr_vm parent = { .svm_family = AF_VSOCK, .svm_cid = PARENT_CID, .svm_port = READY_PORT };
    unsigned char byte = READY_BYTE;
    int connection = socket(AF_VSOCK, SOCK_STREAM, 0);
    must(connection, "vsock socket");
    must(connect(connection, (struct sockaddr *)&parent, sizeof parent), "connect to the parent");
    if (write(connection, &byte, 1) != 1) die("write the ready byte");
    if (read(connection, &byte, 1) != 1 || byte != READY_BYTE) die("read the ready byte");
    close(connection);
}

// One entry a line. An absent file gives NULL, which only an image that lost it to lack of memory has.
static char **take_lines(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) die(path);
    char **lines = calloc(1, sizeof *lines), *line = NULL;
    size_t count = 0, size = 0;
    ssize_t length;
    while ((length = getline(&line, &size, file)) > 0) {
        if (line[length - 1] == '\n') line[length - 1] = '\0';
        lines = realloc(lines, (count + 2) * sizeof *lines);
        lines[count++] = strdup(line);
        lines[count] = NULL;
    }
    free(line);
    fclose(file);
    must(unlink(path), path);
    return lines;
}

static void enter_root(void) {
    must(mount("/rootfs", "/rootfs", NULL, MS_BIND, NULL), "bind /rootfs");
    must(chdir("/rootfs"), "chdir /rootfs");
    must(mount(".", "/", NULL, MS_MOVE, NULL), "move /rootfs to /");
    must(chroot("."), "chroot");
    must(chdir("/"), "chdir /");
}

static void mount_control_groups(void) {
    char path[128], name[64];
    int hierarchy, groups, enabled;
    must(mount("cgroup_root", "/sys/fs/cgroup", "tmpfs", 0, "mode=0755"), "mount /sys/fs/cgroup");
    FILE *controllers = fopen("/proc/cgroups", "r");
    if (!controllers) return;
    if (!fgets(path, sizeof path, controllers)) die("read /proc/cgroups");
    while (fscanf(controllers, "%63s %d %d %d", name, &hierarchy, &groups, &enabled) == 4) {
        if (!enabled) continue;
        snprintf(path, sizeof path, "/sys/fs/cgroup/%s", name);
        must(mkdir(path, 0755), path);
        must(mount(name, path, "cgroup", 0, name), path);
    }
    fclose(controllers);
}

static void mount_everything(void) {
    mount_devices();
    must(mount("proc", "/proc", "proc", MS_NODEV | MS_NOSUID | MS_NOEXEC, NULL), "mount /proc");
    must_or(symlink("/proc/self/fd", "/dev/fd"), EEXIST, "/dev/fd");
    must_or(symlink("/proc/self/fd/0", "/dev/stdin"), EEXIST, "/dev/stdin");
    must_or(symlink("/proc/self/fd/1", "/dev/stdout"), EEXIST, "/dev/stdout");
    must_or(symlink("/proc/self/fd/2", "/dev/stderr"), EEXIST, "/dev/stderr");
    must(mount("tmpfs", "/run", "tmpfs", 0, "mode=0755"), "mount /run");
    must(mount("tmpfs", "/tmp", "tmpfs", 0, NULL), "mount /tmp");
    must_or(mkdir("/dev/shm", 0755), EEXIST, "/dev/shm");
    must(mount("shm", "/dev/shm", "tmpfs", 0, NULL), "mount /dev/shm");
    must_or(mkdir("/dev/pts", 0755), EEXIST, "/dev/pts");
    must(mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, NULL), "mount /dev/pts");
    must(mount("sysfs", "/sys", "sysfs", MS_NODEV | MS_NOSUID | MS_NOEXEC, NULL), "mount /sys");
    mount_control_groups();
}

static pid_t start(char **command, char **environment) {
    static char *shell[] = { "sh", NULL };
    static char path[] = "PATH=/sbin:/usr/sbin:/bin:/usr/bin";
    static char *only_path[] = { path, NULL };
    if (!command[0]) command = shell;
    if (!environment[0]) environment = only_path;
    pid_t child = fork();
    must(child, "fork");
    if (child == 0) {
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_UNBLOCK, &all, NULL);
        setsid();
        setpgid(0, 0);
        putenv(path);
        execvpe(command[0], command, environment);
        die(command[0]);
    }
    return child;
}

int main(void) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    mount_devices();
    open_console();
    load_nsm_driver();
    signal_ready();
    char **environment = take_lines("/env");
    char **command = take_lines("/cmd");
    enter_root();
    mount_everything();

    pid_t child = start(command, environment), ended;
    int status;
    do {
        ended = wait(&status);
    } while (ended != child);
    if (WIFSIGNALED(status))
        fprintf(stderr, "child exited by signal\n");
    else if (WEXITSTATUS(status) != 0)
        fprintf(stderr, "child exited with error\n");
    reboot(RB_AUTOBOOT);
    return 0;
}
