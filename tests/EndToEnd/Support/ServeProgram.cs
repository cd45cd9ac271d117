using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>The program behind <c>nitro serve</c> for a host's enclaves, and a client of it.</summary>
static class ServeProgram
{
    /// <summary>The program as the solution's build has it, on the machine's .NET, so that an exporter can be loaded into it.</summary>
    public static string Built => Checkout.In("artifacts", "bin", "nitro-serve", "release", "nitro-serve");

    static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Starts it; returns when it listens.</summary>
    /// <param name="host">Whose enclaves it serves.</param>
    /// <param name="program">The program.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="environment">What is in its environment beside the host's.</param>
    public static async Task<Process> StartAsync(
        EnclaveHost host, string program, IEnumerable<string>? arguments = null, params IEnumerable<(string Name, string Value)> environment)
    {
        var start = new ProcessStartInfo(program, arguments ?? []) { RedirectStandardError = true };
        foreach (var (name, value) in host.Environment.Select(one => (one.Key, one.Value)).Concat(environment))
        {
            start.Environment[name] = value;
        }

        var server = Process.Start(start)!;
        var said = new StringBuilder();
        while (await server.StandardError.ReadLineAsync(Token) is { } line)
        {
            said.AppendLine(line);
            if (line.StartsWith("Listening at ", StringComparison.Ordinal))
            {
                return server;
            }
        }

        throw new InvalidOperationException($"The server did not start:\n{said}");
    }

    /// <summary>Ends it as a service manager does; returns its exit status.</summary>
    public static async Task<int> EndAsync(Process server)
    {
        using (var terminate = Process.Start("/bin/kill", ["-TERM", $"{server.Id}"]))
        {
            await terminate.WaitForExitAsync(Token);
        }

        await server.WaitForExitAsync(Token);
        return server.ExitCode;
    }

    /// <summary>A client of the server at a socket; paths begin with a slash.</summary>
    public static HttpClient Client(string socketPath) => new(new SocketsHttpHandler
    {
        ConnectCallback = async (_, cancellationToken) =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        },
    })
    {
        BaseAddress = new Uri("http://nitro"),
        Timeout = TimeSpan.FromMinutes(4),
    };
}
