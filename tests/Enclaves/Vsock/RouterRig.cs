using NitroEnclaves.Virtio;
using NitroEnclaves.Virtio.Tests;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>Our own router and device behind a vhost-user back end.</summary>
sealed class RouterRig : VsockRig
{
    readonly VhostUserBackend _backend;

    public RouterRig(Func<VsockRouterOptions, VsockRouterOptions>? change = null)
    {
        var options = new VsockRouterOptions
        {
            GuestCid = VsockGuest.Cid,
            UnixPath = UnixPath,
            Device = new VsockDeviceOptions { CloseTimeout = TimeSpan.FromMilliseconds(300), ConnectTimeout = TimeSpan.FromMilliseconds(500) },
        };
        Loop = EventLoop.Start("vsock");
        Router = new VsockRouter(Loop, change?.Invoke(options) ?? options);
        _backend = VhostUserBackend.Listen(Loop, Router.Device, VhostUserPath);
    }

    public EventLoop Loop { get; }

    public VsockRouter Router { get; }

    public override void AwaitNoConnections() =>
        Assert.True(SpinWait.SpinUntil(() => Ask(device => device.ConnectionCount) == 0, VsockGuest.Patience), "A connection stays.");

    /// <summary>Asks something of the device on its own thread.</summary>
    public T Ask<T>(Func<VsockVirtioDevice, T> question)
    {
        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Loop.Post(() => answer.SetResult(question(Router.Device)));
        return answer.Task.WaitAsync(VsockGuest.Patience).GetAwaiter().GetResult();
    }

    public override void Dispose()
    {
        Assert.False(Loop.Completion.IsFaulted, Loop.Completion.Exception?.ToString());
        DisposeGuest();
        Assert.True(SpinWait.SpinUntil(() => Ask(device => device.ConnectionCount + device.BufferedBytes) == 0, VsockGuest.Patience), "Something leaks.");
        Router.Dispose();
        _backend.Dispose();
        Loop.Dispose();
        base.Dispose();
    }
}
