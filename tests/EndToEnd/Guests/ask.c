// ask CID PORT HEX: sends bytes to a vsock port, ends its direction, and prints in hexadecimal what comes back until the end.

#include <linux/vm_sockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int count, char **words) {
    if (count != 4) return 2;
    struct sockaddr_vm peer = { .svm_family = AF_VSOCK, .svm_cid = (unsigned)atoi(words[1]), .svm_port = (unsigned)atoi(words[2]) };
    unsigned char byte;
    int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&peer, sizeof peer) != 0) {
        perror("connect");
        return 1;
    }

    for (const char *hex = words[3]; sscanf(hex, "%2hhx", &byte) == 1; hex += 2) {
        if (write(fd, &byte, 1) != 1) return 1;
    }

    shutdown(fd, SHUT_WR);
    while (read(fd, &byte, 1) == 1) printf("%02x", byte);
    return 0;
}
