using System.Globalization;
using NitroEnclaves.Enclaves.Tests;

// kestrel PORT: HTTP/1.1 at the port, HTTP/2 at the next, TLS at the one after that.
// forward: this machine's own vsock behind a device and its router.
switch (args)
{
    case ["kestrel", var port]:
        await WebService.RunAsync(uint.Parse(port, CultureInfo.InvariantCulture));
        return 0;
    case ["forward"]:
        await NativeForwarding.CheckAsync();
        Console.WriteLine("forwarded");
        return 0;
    default:
        Console.Error.WriteLine("kestrel PORT | forward");
        return 2;
}
