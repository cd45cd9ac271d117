using System.Net.Sockets;
using System.Text;

namespace NitroEnclaves.Enclaves;

/// <summary>The asking end of one connection to an enclave's process. All failures are <see cref="EnclaveException"/>.</summary>
sealed class CommandConnection : IDisposable
{
    static readonly TimeSpan s_confirmationPatience = TimeSpan.FromSeconds(3);

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

    /// <summary>Reads an unframed number.</summary>
    public Task<ulong> ReadNumberAsync(TimeSpan patience, CancellationToken cancellationToken) => Guard(
        async () =>
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(patience);
            try
            {
                return await CommandFrame.ReadNumberAsync(_stream, limit.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                throw new EnclaveException(EnclaveFailure.ProcessConnection, "The enclave's process did not answer in time.");
            }
        });

    /// <summary>Reads the number that says that the command was taken.</summary>
    public async Task ReadConfirmationAsync(TimeSpan patience, CancellationToken cancellationToken)
    {
        if (await ReadNumberAsync(patience, cancellationToken).ConfigureAwait(false) != CommandMessages.Confirmation)
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
        await ReadConfirmationAsync(s_confirmationPatience, cancellationToken).ConfigureAwait(false);
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
