// An init that ends before it said that it is ready; the kernel panics then.

#include <stdio.h>
#include <unistd.h>

int main(void) {
    // There is no /dev yet, and the kernel has opened its console for us or not: whatever happens to this line, we end.
    dprintf(2, "this init gives up\n");
    return 3;
}
