using System.Runtime.InteropServices;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Cli.Proxying;

/// <summary>A proxy as a service of the parent: its listener, and what signals do to it.</summary>
static class ProxyService
{
    /// <summary>Serves until SIGTERM, SIGINT or the token ends it; open connections may go on for a while then, unless a second signal comes.</summary>
    /// <param name="port">The parent's vsock port.</param>
    /// <param name="connections">How many connections may be open at once.</param>
    /// <param name="purpose">What is said when it listens.</param>
    /// <param name="serve">Serves the listener until cancelled.</param>
    /// <param name="cancellationToken">Ends it too.</param>
    /// <exception cref="VsockException">The port cannot be listened at.</exception>
    public static async Task RunAsync(
        uint port, int connections, string purpose, Func<VsockListener, CancellationToken, Task> serve, CancellationToken cancellationToken)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var abandoned = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);

        // Emulated enclaves of the registry, and real ones where this is a parent that can have some.
        var emulated = new EnclaveVsockResolver(new EnclaveRegistry());
        IVsockResolver[] resolvers = File.Exists("/dev/nitro_enclaves") ? [emulated, VsockResolver.Native] : [emulated];
        using var listener = VsockListener.Listen(port, new VsockOptions
        {
            Resolvers = resolvers,
            MaxConnections = connections,
            // The proxy has limits of its own.
            ReadTimeout = Timeout.InfiniteTimeSpan,
            WriteTimeout = Timeout.InfiniteTimeSpan,
        });
        await Console.Error.WriteLineAsync($"{purpose} through vsock port {port} of their parent.");
        await await Task.WhenAny(serve(listener, end.Token), abandoned.Task);

        void End(PosixSignalContext context)
        {
            context.Cancel = true;
            if (end.IsCancellationRequested)
            {
                abandoned.TrySetResult();
            }

            end.Cancel();
        }
    }
}
