using System.Text;

namespace NitroEnclaves.Enclaves;

/// <summary>One QEMU with the devices that it reaches over vhost-user. Ends all of it when any part fails.</summary>
sealed class QemuEnclave : IRunningEnclave
{
    // A device that fails while its machine goes down is no failure; one whose machine is still there after that long is.
    static readonly TimeSpan s_goingDown = TimeSpan.FromSeconds(1);
    static readonly TimeSpan s_endPatience = TimeSpan.FromSeconds(2);

    readonly QemuDevices _devices;
    readonly ChildProcess _process;
    readonly Task _console;
    readonly Task<string> _messages;
    readonly CancellationTokenSource _disposing = new();

    // Taken at once: who serves the reports may ask for another when all is disposed already.
    readonly CancellationToken _ending;
    readonly Lock _lock = new();
    Task? _disposal;

    QemuEnclave(QemuDevices devices, ChildProcess process, Task console, Task<string> messages)
    {
        (_devices, _process, _console, _messages, _ending) = (devices, process, console, messages, _disposing.Token);
        Ended = WatchAsync();
    }

    public Task<EngineExit> Ended { get; }

    public VsockTraffic? Vsock => _devices.Traffic;

    public static QemuEnclave Start(QemuInstallation installation, QemuMachine machine, QemuBootFiles files, EnclaveLaunch launch)
    {
        using var console = SocketPair.Create();
        using var messages = SocketPair.Create();
        using var nsm = SocketPair.Create();
        using var vsock = SocketPair.Create();
        var devices = QemuDevices.Serve(launch, nsm, vsock);
        try
        {
            var process = ChildProcess.Start(new ChildProcessStart
            {
                FileName = installation.Path,
                Arguments = machine.Arguments(),
                Environment = new Dictionary<string, string> { ["PATH"] = "/usr/bin:/bin" },
                Descriptors = [console.Theirs, nsm.Theirs, vsock.Theirs, files.KernelFile, files.RamdiskFile],
                Output = messages.Theirs,
                CpuIds = launch.CpuIds,
            });
            return new QemuEnclave(
                devices, process, CopyConsoleAsync(console.TakeStream(), launch.ConsoleOutput), ReadMessagesAsync(messages.TakeStream()));
        }
        catch
        {
            devices.Dispose();
            throw;
        }
    }

    public async ValueTask<Stream> AcceptReportAsync(CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _ending);
        return await _devices.AcceptReportAsync(either.Token).ConfigureAwait(false);
    }

    public ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            return new ValueTask(_disposal ??= EndAsync());
        }
    }

    async Task EndAsync()
    {
        await _disposing.CancelAsync().ConfigureAwait(false);
        _process.Signal(Interop.SIGTERM);
        await _process.EndAsync(s_endPatience).ConfigureAwait(false);
        await Ended.ConfigureAwait(false);
        _devices.Dispose();
        _disposing.Dispose();
    }

    async Task<EngineExit> WatchAsync()
    {
        string? deviceFailure = null;
        if (await Task.WhenAny(_process.Exit, _devices.Failure).ConfigureAwait(false) == _devices.Failure)
        {
            await Task.WhenAny(_process.Exit, Task.Delay(s_goingDown)).ConfigureAwait(false);
            // The guest would wait for the device for ever.
            deviceFailure = _process.Exit.IsCompleted ? null : await _devices.Failure.ConfigureAwait(false);
            _process.Signal(Interop.SIGKILL);
        }

        var exit = await _process.Exit.ConfigureAwait(false);
        await _console.ConfigureAwait(false);
        var messages = await _messages.ConfigureAwait(false);
        return deviceFailure is not null
            ? new EngineExit(true, $"A device of the enclave failed: {deviceFailure}")
            : exit.Status == 0
                ? new EngineExit(false, "The enclave's machine was reset or powered off.")
                : new EngineExit(true, $"QEMU ended with {exit}.{(messages.Length > 0 ? $" It said: {messages}" : "")}");
    }

    static async Task CopyConsoleAsync(Stream stream, Action<ReadOnlyMemory<byte>> output)
    {
        await using (stream.ConfigureAwait(false))
        {
            var buffer = new byte[16 * 1024];
            try
            {
                for (int read; (read = await stream.ReadAsync(buffer).ConfigureAwait(false)) > 0;)
                {
                    output(buffer.AsMemory(0, read));
                }
            }
            catch (IOException)
            {
                // QEMU was killed with output under way.
            }
        }
    }

    // QEMU says little, and mostly before it gives up; a torrent of it is cut at its beginning.
    static async Task<string> ReadMessagesAsync(Stream stream)
    {
        const int Longest = 4096;
        await using (stream.ConfigureAwait(false))
        {
            var text = new StringBuilder();
            var buffer = new byte[Longest];
            try
            {
                for (int read; (read = await stream.ReadAsync(buffer).ConfigureAwait(false)) > 0;)
                {
                    text.Append(Encoding.UTF8.GetString(buffer, 0, read));
                    text.Remove(0, int.Max(0, text.Length - Longest));
                }
            }
            catch (IOException)
            {
                // As above.
            }

            return text.ToString().Trim();
        }
    }
}
