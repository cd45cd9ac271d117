namespace NitroEnclaves.Virtio.Tests;

/// <summary>A vsock device behind a vhost-user back end, a scripted parent and a pretended guest whose driver has started.</summary>
sealed class VsockFixture : IDisposable
{
    readonly TemporarySocket _socket = new();
    readonly VhostUserBackend _backend;

    public VsockFixture(VsockDeviceOptions? options = null, int receiveSize = 4096, TimeProvider? time = null)
    {
        Loop = EventLoop.Start("vsock", time);
        Device = new VsockVirtioDevice(Loop, VsockGuest.Cid, Host, options);
        _backend = VhostUserBackend.Listen(Loop, Device, _socket.Path);
        Guest = new VsockGuest(_socket.Path, receiveSize);
    }

    public EventLoop Loop { get; }

    public VsockVirtioDevice Device { get; }

    public ScriptedBackend Host { get; } = new();

    public VsockGuest Guest { get; }

    /// <summary>Starts the driver.</summary>
    public VsockFixture Start(ulong features = VirtioFeatures.Ring, int size = 128, int receiveBuffers = 128)
    {
        Guest.Start(features, size, receiveBuffers);
        return this;
    }

    /// <summary>Asks something of the device on its own thread.</summary>
    public T Ask<T>(Func<VsockVirtioDevice, T> question)
    {
        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Loop.Post(() => answer.SetResult(question(Device)));
        return answer.Task.WaitAsync(VsockGuest.Patience).GetAwaiter().GetResult();
    }

    /// <summary>Waits until the device has no connection left.</summary>
    public void AwaitNoConnections() =>
        Assert.True(SpinWait.SpinUntil(() => Ask(device => device.ConnectionCount) == 0, VsockGuest.Patience), "A connection stays.");

    public void Dispose()
    {
        Assert.False(Loop.Completion.IsFaulted, Loop.Completion.Exception?.ToString());
        Guest.Dispose();
        _backend.Dispose();
        Loop.Dispose();
        _socket.Dispose();
    }
}
