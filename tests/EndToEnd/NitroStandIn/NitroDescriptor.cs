using System.IO.Pipes;
using Microsoft.Win32.SafeHandles;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Tests;
using NitroEnclaves.Virtio;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>
/// An enclave's descriptor in the program that has made it: the reading end of a pipe that nobody writes to. Closing the other end is what
/// poll shows as a hang-up and nothing else, as the driver's descriptor does; when the program has closed it, or is gone, the enclave ends.
/// </summary>
sealed class NitroDescriptor : IReadyHandler, IDisposable
{
    static readonly TimeSpan s_closeCheck = TimeSpan.FromMilliseconds(20);

    readonly EventLoop _loop;
    readonly AnonymousPipeServerStream _pipe = new(PipeDirection.Out, HandleInheritability.None);
    readonly int _process;
    readonly Action<NitroDescriptor> _closed;
    readonly Lock _lock = new();
    EventRegistration? _registration;
    bool _isWatched;
    bool _isHungUp;

    /// <param name="loop">Watches for the close.</param>
    /// <param name="process">The program.</param>
    /// <param name="enclave">What it stands for.</param>
    /// <param name="closed">Told once when the program has it no longer.</param>
    public NitroDescriptor(EventLoop loop, int process, NitroDriverEnclave enclave, Action<NitroDescriptor> closed)
    {
        (_loop, _process, Enclave, _closed) = (loop, process, enclave, closed);
        Name = TargetProcess.PathOf(Environment.ProcessId, (int)Theirs.DangerousGetHandle())!;
    }

    public NitroDriverEnclave Enclave { get; }

    /// <summary>What <c>/proc/PID/fd</c> shows for it in every process.</summary>
    public string Name { get; }

    /// <summary>The program's end, until it has it.</summary>
    public SafePipeHandle Theirs => _pipe.ClientSafePipeHandle;

    /// <summary>
    /// Whether the program has closed it: the driver takes a close for done when the call returns, so it is looked at before every command.
    /// </summary>
    public bool IsClosed
    {
        get
        {
            lock (_lock)
            {
                return _isWatched && (_isHungUp ? !IsOpen() : HasNoReader());
            }
        }
    }

    /// <summary>The program has its end: begins to watch for its close.</summary>
    public void Watch()
    {
        lock (_lock)
        {
            _pipe.DisposeLocalCopyOfClientHandle();
            _isWatched = true;
        }

        _loop.Post(() => _registration = _loop.Register(_pipe.SafePipeHandle, ReadyEvents.None, this));
    }

    /// <summary>The enclave has ended by itself: the program hears of it, and closes the descriptor in its own time.</summary>
    public void HangUp() => _loop.Post(() =>
    {
        if (_registration is { } registration)
        {
            _registration = null;
            registration.Dispose();
            Dispose();
            _ = AwaitCloseAsync();
        }
    });

    public void Dispose()
    {
        lock (_lock)
        {
            _isHungUp = true;
            _pipe.Dispose();
        }
    }

    void IReadyHandler.OnReady(ReadyEvents events)
    {
        if (_registration is { } registration)
        {
            _registration = null;
            registration.Dispose();
            Dispose();
            _closed(this);
        }
    }

    // With no end of the pipe left that could be watched, what the program has open is looked at.
    async Task AwaitCloseAsync()
    {
        while (IsOpen())
        {
            await Task.Delay(s_closeCheck);
        }

        _closed(this);
    }

    unsafe bool HasNoReader()
    {
        // SAFETY: the structure lives on this stack frame; the lock keeps the pipe open.
        var entry = new NitroEnclaves.Enclaves.Interop.pollfd { fd = (int)_pipe.SafePipeHandle.DangerousGetHandle() };
        return NitroEnclaves.Enclaves.Interop.poll(&entry, 1, 0) > 0;
    }

    bool IsOpen()
    {
        try
        {
            return new DirectoryInfo($"/proc/{_process}/fd").EnumerateFileSystemInfos().Any(file => file.LinkTarget == Name);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
