using System.Net.Sockets;
using System.Text;

namespace NitroEnclaves.Enclaves;

/// <summary>The asking end of one connection to an enclave's process. All failures are <see cref="EnclaveException"/>.</summary>
sealed class CommandConnection : IDisposable
{
    // nitro-cli waits as long for an answer. A process that has work to do and no processor for it is given more.
    static readonly TimeSpan s_answerPatience = TimeSpan.FromSeconds(3);
    const int MostWaits = 10;

    readonly NetworkStream _stream;

    CommandConnection(Socket socket) => _stream = new NetworkStream(socket, ownsSocket: true);

    public static async Task<CommandConnection> OpenAsync(string path, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken).ConfigureAwait(false);
            return new CommandConnection(socket);
        }
        catch (SocketException exception)
        {
            socket.Dispose();
            throw exception.SocketErrorCode == SocketError.AccessDenied
                ? new EnclaveException(EnclaveFailure.ProcessConnection, "The enclave's process may not be connected to by this user.", exception)
                : new EnclaveException(EnclaveFailure.NoSuchEnclave, $"No enclave's process listens on {path}.", exception);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>The process at the other end, to be waited for.</summary>
    public ProcessWatch WatchProcess() => ProcessWatch.Open(PeerCredentials.Of(_stream.Socket).ProcessId);

    /// <summary>Sends a command twice, as the protocol has it, and its argument.</summary>
    public Task SendAsync(EnclaveCommand command, byte[]? argument, CancellationToken cancellationToken) => Guard(
        async () =>
        {
            var item = CommandMessages.Encode(command);
            await CommandFrame.WriteAsync(_stream, item, cancellationToken).ConfigureAwait(false);
            await CommandFrame.WriteAsync(_stream, item, cancellationToken).ConfigureAwait(false);
            if (argument is not null)
            {
                await CommandFrame.WriteAsync(_stream, argument, cancellationToken).ConfigureAwait(false);
            }

            return true;
        });

    /// <summary>Reads an unframed number: within three seconds, or thirty where the process is seen to be busy.</summary>
    public Task<ulong> ReadNumberAsync(CancellationToken cancellationToken) => Guard(
        async () =>
        {
            using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var reading = CommandFrame.ReadNumberAsync(_stream, giveUp.Token).AsTask();
            try
            {
                for (var waits = 1; ; waits++)
                {
                    try
                    {
                        return await reading.WaitAsync(s_answerPatience, cancellationToken).ConfigureAwait(false);
                    }
                    catch (TimeoutException) when (reading.IsCompleted || waits < MostWaits && ProcessActivity.HasWork(PeerCredentials.Of(_stream.Socket).ProcessId))
                    {
                        // On a starved machine either of us may be late.
                    }
                }
            }
            catch (TimeoutException)
            {
                await giveUp.CancelAsync().ConfigureAwait(false);
                throw new EnclaveException(EnclaveFailure.ProcessConnection, "The enclave's process did not answer in time.");
            }
        });

    /// <summary>Reads the number that says that the command was taken.</summary>
    public async Task ReadConfirmationAsync(CancellationToken cancellationToken)
    {
        if (await ReadNumberAsync(cancellationToken).ConfigureAwait(false) != CommandMessages.Confirmation)
        {
            throw new EnclaveException(EnclaveFailure.ProcessConnection, "The enclave's process did not confirm the command.");
        }
    }

    /// <summary>Reads one framed reply; null when the process has closed the connection.</summary>
    public Task<CommandReply?> ReadReplyAsync(CancellationToken cancellationToken) => Guard(
        async () => await CommandFrame.ReadAsync(_stream, CommandFrame.LongestReply, cancellationToken).ConfigureAwait(false) is { } item
            ? CommandMessages.DecodeReply(item)
            : (CommandReply?)null);

    /// <summary>Reads the confirmation and then as <see cref="ReadOutputAsync"/>.</summary>
    public async Task<string> ReadConfirmedOutputAsync(CancellationToken cancellationToken)
    {
        await ReadConfirmationAsync(cancellationToken).ConfigureAwait(false);
        return await ReadOutputAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads all replies up to the end of the connection and gives what is meant for standard output.</summary>
    public async Task<string> ReadOutputAsync(CancellationToken cancellationToken)
    {
        var output = new StringBuilder();
        var error = new StringBuilder();
        int? status = null;
        while (await ReadReplyAsync(cancellationToken).ConfigureAwait(false) is { } reply)
        {
            output.Append(reply.Output);
            error.Append(reply.Error);
            status = reply.Status ?? status;
        }

        return status switch
        {
            0 => output.ToString(),
            null => throw new EnclaveException(
                EnclaveFailure.ProcessConnection, "The enclave's process gave no answer: it was killed, or this user may not ask for that."),
            _ => throw new EnclaveException(
                EnclaveFailure.CommandNotExecuted, error.Length > 0 ? error.ToString().Trim() : $"The enclave's process answered with status {status}."),
        };
    }

    public void Dispose() => _stream.Dispose();

    static async Task<T> Guard<T>(Func<Task<T>> operation)
    {
        try
        {
            return await operation().ConfigureAwait(false);
        }
        catch (IOException exception)
        {
            throw new EnclaveException(
                EnclaveFailure.ProcessConnection, "The enclave's process closed the connection: it has ended, or this user may not ask for that.", exception);
        }
    }
}
