using System.Net.Sockets;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// Takes commands for one enclave on a Unix socket, in nitro-cli's protocol (eif-and-nitro-cli 3.5) with two commands of our own.
/// </summary>
sealed class CommandServer : IAsyncDisposable
{
    // Commands are short; followers of the console stay. Who comes when all places are taken waits in the socket's backlog.
    const int MostConnections = 64;
    const UnixFileMode EverybodyConnects = (UnixFileMode)0x1f6;

    // As long as a single answer may take: a process without a processor must not cut off those whom it has kept waiting.
    static readonly TimeSpan s_drainPatience = CommandSession.ReplyPatience;
    static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);

    // Keeps connections from being closed before the kernel does it, at the very end of the process.
    static readonly List<Socket> s_untilExit = [];

    readonly ICommandTarget _target;
    readonly bool _lingersUntilExit;
    readonly Socket _listener;
    readonly uint _owner;
    readonly TimeProvider _time;
    readonly CancellationTokenSource _stopping = new();
    readonly SemaphoreSlim _places = new(MostConnections);
    readonly StrangerAllowance _strangers;
    readonly List<Task> _connections = [];
    readonly List<Socket> _lingering = [];
    readonly Lock _lock = new();
    readonly Task _accepting;

    CommandServer(Socket listener, ICommandTarget target, uint owner, bool lingersUntilExit, TimeProvider time)
    {
        (_listener, _target, _owner, _lingersUntilExit, _time, _strangers) = (listener, target, owner, lingersUntilExit, time, new StrangerAllowance(owner));
        _accepting = AcceptAsync();
    }

    /// <summary>Starts to take commands.</summary>
    /// <param name="path">The socket's path, not taken yet. Its file is the registration's to remove.</param>
    /// <param name="target">The enclave.</param>
    /// <param name="owner">The user who may do everything.</param>
    /// <param name="lingersUntilExit">
    /// Leaves the connections of those who asked for the end open until the process is gone: that their stream ends then tells them that
    /// nothing of the enclave is left. Otherwise disposing closes them.
    /// </param>
    /// <param name="time">The clock of <see cref="DrainAsync"/>; null takes the system's.</param>
    /// <exception cref="EnclaveException">The socket cannot be made.</exception>
    public static CommandServer Start(string path, ICommandTarget target, uint owner, bool lingersUntilExit = false, TimeProvider? time = null) =>
        // Everybody may connect, as with nitro-cli: the policy is applied per command.
        new(RegistrySocket.Listen(path, EverybodyConnects), target, owner, lingersUntilExit, time ?? TimeProvider.System);

    /// <summary>Takes no more commands; commands under way go on.</summary>
    public void StopListening() => _listener.Dispose();

    /// <summary>Lets commands under way finish, for ten seconds at most.</summary>
    public async Task DrainAsync()
    {
        await _accepting.ConfigureAwait(false);
        Task all;
        lock (_lock)
        {
            all = Task.WhenAll(_connections);
        }

        await Task.WhenAny(all, Task.Delay(s_drainPatience, _time)).ConfigureAwait(false);
    }

    /// <summary>Ends what is still under way.</summary>
    public async ValueTask DisposeAsync()
    {
        StopListening();
        await _stopping.CancelAsync().ConfigureAwait(false);
        await DrainAsync().ConfigureAwait(false);
        lock (_lock)
        {
            if (_lingersUntilExit)
            {
                s_untilExit.AddRange(_lingering);
            }
            else
            {
                _lingering.ForEach(socket => socket.Dispose());
            }

            _lingering.Clear();
        }
    }

    async Task AcceptAsync()
    {
        while (true)
        {
            try
            {
                await _places.WaitAsync(_stopping.Token).ConfigureAwait(false);
                Track(ServeAsync(await _listener.AcceptAsync(_stopping.Token).ConfigureAwait(false)));
            }
            catch (Exception exception) when (exception is ObjectDisposedException or OperationCanceledException
                || exception is SocketException { SocketErrorCode: SocketError.OperationAborted })
            {
                return;
            }
            catch (SocketException)
            {
                // A peer that is gone before it was accepted, or no descriptor left for now, is no reason to stop serving others.
                _places.Release();
                await Task.Delay(s_pause).ConfigureAwait(false);
            }
        }
    }

    void Track(Task connection)
    {
        lock (_lock)
        {
            _connections.RemoveAll(task => task.IsCompleted);
            _connections.Add(connection);
        }
    }

    async Task ServeAsync(Socket socket)
    {
        uint? entered = null;
        try
        {
            var user = PeerCredentials.Of(socket).UserId;
            if (_strangers.TryEnter(user))
            {
                entered = user;
                using var session = new CommandSession(socket, _target, _owner);
                if (await session.RunAsync(_stopping.Token).ConfigureAwait(false) == EnclaveCommand.Terminate)
                {
                    lock (_lock)
                    {
                        _lingering.Add(socket);
                    }

                    return;
                }
            }
        }
        catch (Exception exception) when (exception is IOException or SocketException or OperationCanceledException or EnclaveException)
        {
            // Whoever asked is gone, too slow, or speaks another protocol: it gets no answer, and the enclave does not care.
        }
        finally
        {
            if (entered is { } user)
            {
                _strangers.Leave(user);
            }

            _places.Release();
        }

        socket.Dispose();
    }
}
