using System.Buffers.Binary;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// What an enclave says on the parent's port 9000 (contracts, "Ready and end"). Ready: it sends 0xB7 and gets it back. End, from
/// nitro-init: 0xEE, a kind (0 exit, 1 signal), and the status as 32 bits little-endian.
/// </summary>
sealed class EnclaveReports
{
    /// <summary>The port on which enclaves report.</summary>
    public const uint Port = 9000;

    public const byte Heartbeat = 0xB7;
    public const byte EndReport = 0xEE;

    const byte ExitKind = 0;
    const byte SignalKind = 1;
    const int EndLength = 5;

    // An enclave needs one connection at a time; more wait.
    const int MostConnections = 8;
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly TaskCompletionSource<EnclaveEnd> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly TimeProvider _time;

    public EnclaveReports(TimeProvider time) => _time = time;

    /// <summary>
    /// Completes with the heartbeat; fails when something else came in its place (<see cref="EnclaveFailure.BootFailure"/>), or no connection can
    /// come any more.
    /// </summary>
    public Task Ready => _ready.Task;

    /// <summary>Completes with the enclave's own report of its end; stays open when there is none.</summary>
    public Task<EnclaveEnd> End => _end.Task;

    /// <summary>Serves connections until cancelled, or until there can be no more; returns then.</summary>
    /// <param name="accept">Gives the next connection; its <see cref="EnclaveException"/> says why there can be no more.</param>
    /// <param name="cancellationToken">Ends serving.</param>
    public async Task ServeAsync(Func<CancellationToken, ValueTask<Stream>> accept, CancellationToken cancellationToken)
    {
        using var connections = new SemaphoreSlim(MostConnections);
        var serving = new List<Task>();
        try
        {
            while (true)
            {
                await connections.WaitAsync(cancellationToken).ConfigureAwait(false);
                var stream = await accept(cancellationToken).ConfigureAwait(false);
                serving.RemoveAll(task => task.IsCompleted);
                serving.Add(ServeOneAsync(stream, connections, cancellationToken));
            }
        }
        catch (OperationCanceledException)
        {
            // The enclave is being ended.
        }
        catch (EnclaveException exception)
        {
            _ready.TrySetException(exception);
        }

        await Task.WhenAll(serving).ConfigureAwait(false);
    }

    async Task ServeOneAsync(Stream stream, SemaphoreSlim connections, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(s_patience, _time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            await using (stream.ConfigureAwait(false))
            {
                await TakeReportAsync(stream, linked.Token).ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            // A guest that hangs up or says nothing has reported nothing; whether that is too late is decided by who waits for it.
        }
        finally
        {
            connections.Release();
        }
    }

    async Task TakeReportAsync(Stream stream, CancellationToken cancellationToken)
    {
        var bytes = new byte[EndLength];
        var first = bytes.AsMemory(0, 1);
        await stream.ReadExactlyAsync(first, cancellationToken).ConfigureAwait(false);
        switch (bytes[0])
        {
            case Heartbeat:
                await stream.WriteAsync(first, cancellationToken).ConfigureAwait(false);
                _ready.TrySetResult();
                break;
            case EndReport:
                await stream.ReadExactlyAsync(bytes, cancellationToken).ConfigureAwait(false);
                if (Interpret(bytes[0], BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(1))) is { } end)
                {
                    _end.TrySetResult(end);
                }

                break;
            default:
                _ready.TrySetException(new EnclaveException(
                    EnclaveFailure.BootFailure, $"The enclave sent 0x{bytes[0]:x2} in place of the heartbeat 0x{Heartbeat:x2}."));
                break;
        }
    }

    /// <summary>What an enclave says that is ready.</summary>
    internal static ReadOnlySpan<byte> HeartbeatMessage => [Heartbeat];

    /// <summary>What an enclave says whose program has ended.</summary>
    /// <param name="status">The status as <c>wait(2)</c> gives it: the exit status in bits 8 to 15, or the signal in bits 0 to 6.</param>
    internal static byte[] EndMessage(int status)
    {
        var signal = status & 0x7F;
        var message = new byte[1 + EndLength];
        (message[0], message[1]) = (EndReport, signal == 0 ? ExitKind : SignalKind);
        BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(2), signal == 0 ? (status >> 8) & 0xFF : signal);
        return message;
    }

    static EnclaveEnd? Interpret(byte kind, int status) => kind switch
    {
        ExitKind => new EnclaveEnd(EnclaveEndKind.Exited, status, $"The enclave's program exited with status {status}."),
        SignalKind => new EnclaveEnd(EnclaveEndKind.Signaled, status, $"Signal {status} ended the enclave's program."),
        _ => null,
    };
}
