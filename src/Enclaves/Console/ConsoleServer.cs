using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// The console of an emulated debug enclave for programs that read it as on a real parent: a vsock connection to CID 0, port CID + 10000.
/// Here that is a Unix socket that takes <c>CONNECT port</c>, answers <c>OK port</c>, and sends the console from its first byte on.
/// </summary>
sealed class ConsoleServer : IDisposable
{
    /// <summary>What is added to a CID to get its console's port.</summary>
    internal const uint FirstPort = 10_000;

    const int MaxReaders = 32;
    const int MaxLine = 32;
    static readonly TimeSpan s_handshake = TimeSpan.FromSeconds(5);

    readonly Socket _listener;
    readonly string _request;
    readonly string _answer;
    readonly ConsoleLog _console;
    readonly SemaphoreSlim _free = new(MaxReaders);
    readonly CancellationTokenSource _end = new();

    ConsoleServer(Socket listener, uint cid, ConsoleLog console)
    {
        _listener = listener;
        _console = console;
        _request = string.Create(CultureInfo.InvariantCulture, $"CONNECT {cid + FirstPort}");
        _answer = string.Create(CultureInfo.InvariantCulture, $"OK {cid + FirstPort}\n");
    }

    /// <summary>Listens from now on.</summary>
    /// <param name="path">The socket's path, not taken yet, for this user only. Its file is the registration's to remove.</param>
    /// <param name="cid">The enclave's CID.</param>
    /// <param name="console">What it prints.</param>
    /// <exception cref="EnclaveException">The path cannot be listened at (<see cref="EnclaveFailure.RegistryUnavailable"/>).</exception>
    internal static ConsoleServer Start(string path, uint cid, ConsoleLog console)
    {
        var server = new ConsoleServer(RegistrySocket.Listen(path, UnixFileMode.UserRead | UnixFileMode.UserWrite, MaxReaders), cid, console);
        _ = server.AcceptAsync();
        return server;
    }

    /// <summary>Listens no more; readers get what is left and then their end.</summary>
    public void Dispose()
    {
        _end.Cancel();
        _listener.Dispose();
    }

    async Task AcceptAsync()
    {
        while (!_end.IsCancellationRequested)
        {
            try
            {
                await _free.WaitAsync(_end.Token).ConfigureAwait(false);
                _ = ServeAsync(await _listener.AcceptAsync(_end.Token).ConfigureAwait(false));
            }
            catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // Over, or a program that is gone already.
                _free.Release();
            }
        }
    }

    async Task ServeAsync(Socket socket)
    {
        using (socket)
        {
            try
            {
                if (await IsAskedForAsync(socket).ConfigureAwait(false))
                {
                    await socket.SendAsync(Encoding.ASCII.GetBytes(_answer)).ConfigureAwait(false);
                    await CopyAsync(socket).ConfigureAwait(false);
                }
            }
            catch (Exception exception) when (exception is OperationCanceledException or SocketException)
            {
                // The reader is gone, or never said what it wants.
            }
        }

        _free.Release();
    }

    async Task<bool> IsAskedForAsync(Socket socket)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
        limit.CancelAfter(s_handshake);
        var line = new byte[MaxLine];
        for (var length = 0; length < line.Length;)
        {
            var read = await socket.ReceiveAsync(line.AsMemory(length), limit.Token).ConfigureAwait(false);
            length += read;
            var end = line.AsSpan(0, length).IndexOf((byte)'\n');
            if (read == 0 || end >= 0)
            {
                return end >= 0 && Encoding.ASCII.GetString(line, 0, end).TrimEnd('\r') == _request;
            }
        }

        return false;
    }

    async Task CopyAsync(Socket socket)
    {
        var buffer = new byte[16 * 1024];
        for (var position = 0L; await _console.WaitAsync(position, CancellationToken.None).ConfigureAwait(false);)
        {
            var count = _console.Read(ref position, buffer, out _);
            for (var sent = 0; sent < count;)
            {
                sent += await socket.SendAsync(buffer.AsMemory(sent, count - sent)).ConfigureAwait(false);
            }
        }
    }
}
