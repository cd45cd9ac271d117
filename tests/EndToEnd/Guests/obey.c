// Says that it is there, then ends as the parent says: "exit N" or "kill N" on SERVICE_PORT.

#include "guest.h"
#include <signal.h>

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    int listener = serve();
    printf("obeying\n");
    int connection = must(accept(listener, NULL, NULL), "accept");
    char order[32] = "";
    if (recv(connection, order, sizeof order - 1, 0) <= 0) die("recv");
    printf("order: %s\n", order);
    int number = 0;
    if (sscanf(order, "exit %d", &number) == 1) exit(number);
    if (sscanf(order, "kill %d", &number) == 1) raise(number);
    die("the order");
}
