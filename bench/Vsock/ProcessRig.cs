using System.Diagnostics;
using NitroEnclaves.Virtio.Tests;

namespace NitroEnclaves.Vsock.Benchmarks;

/// <summary>Anybody's back end with the flags of vhost-device-vsock. What it holds it does not tell; the number of its sockets does.</summary>
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
        Assert.True(SpinWait.SpinUntil(IsListening, TimeSpan.FromSeconds(20)), "The back end does not listen.");
    }

    public override void AwaitNoConnections() =>
        Assert.True(SpinWait.SpinUntil(() => CountDescriptors() <= _descriptors, TimeSpan.FromSeconds(10)), "Sockets stay open.");

    protected override void OnGuestStarted() => _descriptors ??= CountDescriptors();

    public override void Dispose()
    {
        DisposeGuest();
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        base.Dispose();
    }

    // A socket file is there before its owner listens; asking by connecting would be the back end's first session.
    bool IsListening()
    {
        const string Listening = " 00010000 ";
        return File.ReadLines("/proc/net/unix").Any(line => line.EndsWith(VhostUserPath, StringComparison.Ordinal) && line.Contains(Listening, StringComparison.Ordinal));
    }

    // Only sockets: a runtime opens other things when it likes.
    int CountDescriptors() => Directory.GetFiles($"/proc/{_process.Id}/fd")
        .Count(path => new FileInfo(path).LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) == true);
}
