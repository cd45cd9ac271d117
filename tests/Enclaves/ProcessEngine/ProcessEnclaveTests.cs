using NitroEnclaves.Images;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>An enclave of the process engine from its start to its end, as its supervisor has it: a program of one system call.</summary>
public sealed class ProcessEnclaveTests : IDisposable
{
    const int Status = 3;

    readonly TemporaryFolder _folder = new();

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ProcessEnclaveTests()
    {
        var program = new LaunchSequence();
        program.Call("exit", SystemCall.exit_group, Status);
        Directory.CreateDirectory(_folder["root/bin"]);
        File.WriteAllBytes(_folder["root/bin/program"], program.Program.ToExecutable());
        File.SetUnixFileMode(_folder["root/bin/program"], (UnixFileMode)0x1ed);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Whoever_asks_for_reports_when_all_is_over_is_told_so()
    {
        var enclave = await new ProcessEngine().StartAsync(Launch(), Cancellation);
        await using (var heartbeat = await enclave.AcceptReportAsync(Cancellation))
        {
            Assert.Equal(EnclaveReports.Heartbeat, heartbeat.ReadByte());
        }

        await using (var end = await enclave.AcceptReportAsync(Cancellation))
        {
            var report = new byte[6];
            await end.ReadExactlyAsync(report, Cancellation);
            Assert.Equal([EnclaveReports.EndReport, 0, Status, 0, 0, 0], report);
        }

        var waiting = enclave.AcceptReportAsync(Cancellation).AsTask();
        await enclave.DisposeAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        // Who serves the reports comes back at any time, also after the end of all.
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => enclave.AcceptReportAsync(Cancellation).AsTask());
    }

    [Theory]
    [InlineData(200, "No such file or directory")]
    [InlineData(100_000, "too many folders")]
    public async Task A_search_path_is_gone_through_or_refused_for_its_length(int folders, string answer)
    {
        var launch = Launch("missing", $"PATH={string.Join(':', Enumerable.Range(0, folders).Select(index => $"/{index}"))}");
        var exception = await Assert.ThrowsAsync<EnclaveException>(() => new ProcessEngine().StartAsync(launch, Cancellation));
        Assert.Equal(EnclaveFailure.BootFailure, exception.Failure);
        Assert.Contains(answer, exception.Message, StringComparison.Ordinal);
    }

    EnclaveLaunch Launch(string command = "/bin/program", params string[] environment) => new()
    {
        Id = $"{Samples.Parent}-enc{Random.Shared.NextInt64():x16}",
        Cid = 16,
        Folder = new RootFolder { Path = _folder["root"], Program = new ProgramDescription { Command = [command], Environment = environment } },
        MemoryMiB = 16,
        VcpuCount = 1,
        Nsm = new NsmModule(new NsmModuleOptions { ModuleId = "m", Signer = new UnusedSigner(), TimeProvider = TimeProvider.System }),
        VsockPath = _folder["vsock"],
        ConsoleOutput = _ => { },
    };
}
