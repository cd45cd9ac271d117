using System.Diagnostics;
using NitroEnclaves.Virtio.Tests;

namespace NitroEnclaves.Vsock.Benchmarks;

/// <summary>Anybody's back end with the flags of vhost-device-vsock. What it holds it does not tell; the number of its descriptors does.</summary>
sealed class ProcessRig : VsockRig
{
    readonly Process _process;
    int? _descriptors;

    internal ProcessRig(string command)
    {
        var words = command.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        _process = Process.Start(new ProcessStartInfo(words[0],
            [.. words[1..], "--guest-cid", $"{VsockGuest.Cid}", "--socket", VhostUserPath, "--uds-path", UnixPath])
        {
            Environment = { ["DOTNET_EnableDiagnostics"] = "0" },
            RedirectStandardError = true,
        })!;
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginErrorReadLine();
        Assert.True(SpinWait.SpinUntil(() => File.Exists(VhostUserPath), TimeSpan.FromSeconds(20)), "The back end does not listen.");
    }

    public override void AwaitNoConnections() =>
        Assert.True(SpinWait.SpinUntil(() => CountDescriptors() <= _descriptors, TimeSpan.FromSeconds(10)), "Descriptors stay open.");

    protected override void OnGuestStarted() => _descriptors ??= CountDescriptors();

    public override void Dispose()
    {
        DisposeGuest();
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        base.Dispose();
    }

    int CountDescriptors() => Directory.GetFiles($"/proc/{_process.Id}/fd").Length;
}
