// The first process of a parent machine (NitroDriver/ParentMachine.cs): loads the modules in the order of their names, connects to port 9100
// of CID 2 and runs commands. A command is eight decimal digits with its length, and its words, separated by NUL; the answer is the exit
// status, the standard output and the standard error, each after eight decimal digits with its length. Besides programs there are:
//
//   cat PATH             what is in a file
//   list PATH            the names in a folder
//   twice PROGRAM...     the program two times at the same time; the status is the first one's that failed
//   killed MS PROGRAM... the program, and after so many milliseconds SIGKILL to it and to everything else that runs

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HOST_CID = 2, CONTROL_PORT = 9100, MAX_COMMAND = 65536, MAX_WORDS = 64 };

static void die(const char *what) {
    fprintf(stderr, "parent: %s: %s\n", what, strerror(errno));
    sleep(1);
    _exit(1);
}

static void load_modules(void) {
    struct dirent **names;
    int count = scandir("/modules", &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[512];
        if (names[i]->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/modules/%s", names[i]->d_name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (syscall(SYS_finit_module, fd, "", 0) != 0 && errno != EEXIST) fprintf(stderr, "parent: %s: %s\n", path, strerror(errno));
        close(fd);
    }
}

static void loopback_up(void) {
    struct ifreq request = { .ifr_name = "lo" };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    request.ifr_flags = IFF_UP;
    ioctl(fd, SIOCSIFFLAGS, &request);
    close(fd);
}

static int read_all(int fd, char *data, size_t length) {
    while (length > 0) {
        ssize_t count = read(fd, data, length);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return -1;
        data += count;
        length -= (size_t)count;
    }

    return 0;
}

static void write_all(int fd, const char *data, size_t length) {
    while (length > 0) {
        ssize_t count = write(fd, data, length);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) die("write");
        data += count;
        length -= (size_t)count;
    }
}

static void write_field(int fd, const char *data, size_t length) {
    char header[9];
    snprintf(header, sizeof header, "%08zu", length);
    write_all(fd, header, 8);
    write_all(fd, data, length);
}

// What a program prints goes into files, so that one which leaves a background process behind does not keep us waiting.
static void write_file(int connection, const char *path) {
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) die(path);
    char *data = malloc((size_t)status.st_size + 1);
    if (read_all(fd, data, (size_t)status.st_size) != 0) die(path);
    write_field(connection, data, (size_t)status.st_size);
    free(data);
    close(fd);
}

static void open_standard(void) {
    int input = open("/dev/null", O_RDONLY), output = open("/tmp/output", O_RDWR | O_APPEND), error = open("/tmp/error", O_RDWR | O_APPEND);
    dup2(input, 0);
    dup2(output, 1);
    dup2(error, 2);
}

static int cat(const char *path) {
    char data[4096];
    ssize_t count = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        perror(path);
        return 1;
    }

    while ((count = read(fd, data, sizeof data)) > 0) write_all(1, data, (size_t)count);
    return count < 0;
}

static int list(const char *path) {
    struct dirent *entry;
    DIR *folder = opendir(path);
    if (folder == NULL) {
        perror(path);
        return 1;
    }

    while ((entry = readdir(folder)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) printf("%s\n", entry->d_name);
    }

    fflush(stdout);
    return 0;
}

static pid_t start(char **words) {
    pid_t child = fork();
    if (child != 0) return child;
    open_standard();
    if (strcmp(words[0], "cat") == 0) _exit(cat(words[1]));
    if (strcmp(words[0], "list") == 0) _exit(list(words[1]));
    execv(words[0], words);
    perror(words[0]);
    _exit(127);
}

static int wait_for(pid_t child) {
    int status;
    while (waitpid(child, &status, 0) != child) {
        if (errno != EINTR) die("waitpid");
    }

    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void run(int connection, char *command, size_t length) {
    char *words[MAX_WORDS + 1] = { 0 }, text[16];
    int count = 0, status;
    for (size_t at = 0; at < length && count < MAX_WORDS; at += strlen(command + at) + 1) words[count++] = command + at;
    close(open("/tmp/output", O_WRONLY | O_CREAT | O_TRUNC, 0600));
    close(open("/tmp/error", O_WRONLY | O_CREAT | O_TRUNC, 0600));
    if (strcmp(words[0], "twice") == 0) {
        pid_t first = start(words + 1), second = start(words + 1);
        status = wait_for(first);
        int other = wait_for(second);
        if (status == 0) status = other;
    } else if (strcmp(words[0], "killed") == 0) {
        pid_t child = start(words + 2);
        usleep((useconds_t)atoi(words[1]) * 1000);
        kill(-1, SIGKILL);
        wait_for(child);
        while (wait(NULL) > 0) { }
        status = 0;
    } else {
        status = wait_for(start(words));
    }

    snprintf(text, sizeof text, "%d", status);
    write_field(connection, text, strlen(text));
    write_file(connection, "/tmp/output");
    write_file(connection, "/tmp/error");
}

int main(void) {
    struct sockaddr_vm host = { .svm_family = AF_VSOCK, .svm_cid = HOST_CID, .svm_port = CONTROL_PORT };
    static char command[MAX_COMMAND + 1];
    char header[9] = { 0 };
    mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
    mount("proc", "/proc", "proc", 0, NULL);
    mount("sysfs", "/sys", "sysfs", 0, NULL);
    mkdir("/dev/shm", 0777);
    mount("tmpfs", "/dev/shm", "tmpfs", 0, NULL);
    int console = open("/dev/console", O_RDWR);
    for (int fd = 0; fd < 3; fd++) dup2(console, fd);
    setenv("PATH", "/bin", 1);
    setenv("HOME", "/root", 1);
    mkdir("/root", 0700);
    loopback_up();
    load_modules();
    int connection = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(connection, (struct sockaddr *)&host, sizeof host) != 0) die("connect");
    while (read_all(connection, header, 8) == 0) {
        size_t length = (size_t)atoi(header);
        if (length > MAX_COMMAND || read_all(connection, command, length) != 0) die("command");
        command[length] = 0;
        run(connection, command, length);
        // Whatever a command left behind and has ended is ours to bury.
        while (waitpid(-1, NULL, WNOHANG) > 0) { }
    }

    die("the control connection");
}
