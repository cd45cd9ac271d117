using System.Diagnostics;
using System.Globalization;

namespace NitroEnclaves.Vsock.Benchmarks;

/// <summary>A vsock back end in a process of its own, with the host programs that it leads to.</summary>
sealed class BackendProcess : IDisposable
{
    readonly Process _process;
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vsock-bench-");

    /// <param name="name">Its name in tables.</param>
    /// <param name="command">A program and arguments before the flags of <c>vhost-device-vsock</c>.</param>
    internal BackendProcess(string name, string command)
    {
        Name = name;
        var words = command.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        _process = Process.Start(new ProcessStartInfo(words[0],
            [.. words[1..], "--guest-cid", $"{PretendedGuest.Cid}", "--socket", SocketPath, "--uds-path", UnixPath])
        {
            Environment = { ["DOTNET_EnableDiagnostics"] = "0" },
            RedirectStandardError = true,
        })!;
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginErrorReadLine();
        for (var clock = Stopwatch.StartNew(); !File.Exists(SocketPath); Thread.Sleep(5))
        {
            if (clock.Elapsed > TimeSpan.FromSeconds(20) || _process.HasExited)
            {
                throw new TimeoutException($"'{command}' does not listen at its --socket.");
            }
        }

        Programs = new HostPrograms(UnixPath);
    }

    internal string Name { get; }

    internal HostPrograms Programs { get; }

    internal string SocketPath => Path.Combine(_folder.FullName, "vhost");

    internal string UnixPath => Path.Combine(_folder.FullName, "v");

    /// <summary>CPU time of all its threads, in seconds, to the nanosecond.</summary>
    internal double CpuSeconds => Directory.GetDirectories($"/proc/{_process.Id}/task")
        .Sum(task => double.Parse(File.ReadAllText(Path.Combine(task, "schedstat")).Split(' ')[0], CultureInfo.InvariantCulture)) / 1e9;

    /// <summary>Memory of its own in bytes, without that of the guest (VmRSS less RssShmem).</summary>
    internal double OwnMemory => Status("VmRSS:") - Status("RssShmem:");

    double Status(string key) => File.ReadLines($"/proc/{_process.Id}/status").Where(line => line.StartsWith(key, StringComparison.Ordinal))
        .Select(line => double.Parse(line.Split(':')[1].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture) * 1024).Single();

    public void Dispose()
    {
        Programs.Dispose();
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _folder.Delete(recursive: true);
    }
}
