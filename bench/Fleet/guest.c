// Waits for its end.
#include <unistd.h>

int main(void)
{
    for (;;)
        pause();
}
