using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// The background process of one enclave: what a program's hidden verb runs. It owns the enclave with everything that belongs to it and
/// ends all of it, whoever dies first.
/// </summary>
public static class EnclaveProcess
{
    /// <summary>The verb under which <see cref="EnclaveLauncher"/> starts the program again.</summary>
    public const string Verb = "enclave-process";

    const int LauncherDescriptor = 3;
    const int Success = 0;
    const int Failure = 1;

    static readonly TimeSpan s_requestPatience = TimeSpan.FromSeconds(30);

    /// <summary>Serves the launcher on descriptor 3 until the enclave has ended. Call it as the program's last act.</summary>
    /// <returns>The exit status for the program: 0, or 1 when the enclave did not come up.</returns>
    /// <exception cref="InvalidOperationException">Descriptor 3 is not a launcher's socket: the verb is not for people.</exception>
    public static async Task<int> RunAsync()
    {
        var channel = OpenChannel();
        await using (channel.ConfigureAwait(false))
        {
            return channel.ReceiveOptions(s_requestPatience) is { } options
                ? await ServeAsync(channel, options, EngineSelector.Select, TimeProvider.System, ownsProcess: true, OpenLogs).ConfigureAwait(false)
                : Failure;
        }
    }

    internal static async Task<int> ServeAsync(
        LaunchChannel channel, EnclaveOptions options, Func<EnclaveOptions, Action<EngineAvailability>, IEnclaveEngine> selectEngine, TimeProvider time,
        bool ownsProcess, Func<Action<string>, IReadOnlyList<IEnclaveLogOutput>>? openLogs = null)
    {
        using var stop = new CancellationTokenSource();
        // An engine says whether it can run here by trying, which takes as long as everything that comes before its start.
        var selecting = Task.Run(() => selectEngine(options, availability => Tell(new LaunchMessage { Progress = availability.Explanation })));
        using var signals = new StopSignals(stop);
        using var watching = new CancellationTokenSource();
        using var launcherGone = new CancellationTokenSource();
        var started = false;
        var watch = Task.Run(WatchLauncherAsync);
        try
        {
            var registry = new EnclaveRegistry(options.RegistryPath);
            using var signer = new EnclaveSigner(options, time);
            var supervisor = new EnclaveSupervisor(options, registry, selecting, signer, time)
            {
                Begun = signer.Begin,
                OwnsProcess = ownsProcess,
                LauncherGone = launcherGone.Token,
                LogOutputs = openLogs?.Invoke(line => Tell(new LaunchMessage { Progress = line })) ?? [],
            };
            var end = await supervisor.RunAsync(
                line => Tell(new LaunchMessage { Progress = line }),
                async info =>
                {
                    if (!(await selecting.ConfigureAwait(false)).HasNsm)
                    {
                        await signer.OpenAsync().ConfigureAwait(false);
                    }

                    // Before it is told: a launcher that has nothing else to do is gone before we go on here, and its enclave stays.
                    started = true;
                    if (!await SendAsync(new LaunchMessage { Started = info }).ConfigureAwait(false))
                    {
                        await stop.CancelAsync().ConfigureAwait(false);
                    }
                },
                stop.Token).ConfigureAwait(false);
            await SendAsync(new LaunchMessage { Ended = end }).ConfigureAwait(false);
            return Success;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return Failure;
        }
        catch (EnclaveException exception)
        {
            await SendAsync(new LaunchMessage { Failed = LaunchFailure.From(exception) }).ConfigureAwait(false);
            return Failure;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // A disk that is full, an image that cannot be read any more: no fault of ours, which would be shown with its place in the code.
            await SendAsync(new LaunchMessage { Failed = new LaunchFailure(EnclaveFailure.FileOperation, exception.Message, null) }).ConfigureAwait(false);
            return Failure;
        }
#pragma warning disable CA1031 // The last frame of a background process: nobody else would tell the launcher what happened.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            await SendAsync(new LaunchMessage { Failed = new LaunchFailure(EnclaveFailure.Unspecified, exception.ToString(), null) }).ConfigureAwait(false);
            return Failure;
        }
        finally
        {
            await watching.CancelAsync().ConfigureAwait(false);
            await watch.ConfigureAwait(false);
            await Task.WhenAny(selecting).ConfigureAwait(false);
        }

        async Task WatchLauncherAsync()
        {
            try
            {
                await channel.WaitForCloseAsync(watching.Token).ConfigureAwait(false);
                await launcherGone.CancelAsync().ConfigureAwait(false);
                // Nobody waits for this enclave any more: give a start up, and end what was bound to the launcher.
                if (!started || options.EndWithLauncher)
                {
                    await stop.CancelAsync().ConfigureAwait(false);
                }
            }
            catch (OperationCanceledException)
            {
                // The enclave ended first.
            }
        }

        void Tell(LaunchMessage message) => SendAsync(message).GetAwaiter().GetResult();

        // False when the launcher is gone, which the watch finds out as well.
        async Task<bool> SendAsync(LaunchMessage message)
        {
            try
            {
                await channel.SendAsync(message, CancellationToken.None).ConfigureAwait(false);
                return true;
            }
            catch (IOException)
            {
                return false;
            }
        }
    }

    // The file, and the journal where it is behind our standard error. An enclave runs without either, which its launcher is told.
    static List<IEnclaveLogOutput> OpenLogs(Action<string> tell)
    {
        var outputs = new List<IEnclaveLogOutput>();
        if (LogFile.Open(out var problem) is { } file)
        {
            outputs.Add(file);
        }
        else
        {
            tell(problem!);
        }

        if (JournalOutput.Open() is { } journal)
        {
            outputs.Add(journal);
        }

        return outputs;
    }

    static LaunchChannel OpenChannel()
    {
        try
        {
            return new LaunchChannel(new NetworkStream(new Socket(new SafeSocketHandle(LauncherDescriptor, ownsHandle: true)), ownsSocket: true));
        }
        catch (Exception exception) when (exception is SocketException or IOException)
        {
            throw new InvalidOperationException("This verb is how an enclave is started in the background; it is not for people.", exception);
        }
    }

    /// <summary>Signals that would end the process end the enclave, as with nitro-cli; the process follows by itself.</summary>
    sealed class StopSignals : IDisposable
    {
        readonly PosixSignalRegistration[] _registrations;

        public StopSignals(CancellationTokenSource stop) => _registrations =
        [
            .. new[] { PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGQUIT, PosixSignal.SIGHUP }.Select(
                signal => PosixSignalRegistration.Create(signal, context =>
                {
                    context.Cancel = true;
                    stop.Cancel();
                })),
        ];

        public void Dispose() => Array.ForEach(_registrations, registration => registration.Dispose());
    }
}
