using System.Net.Sockets;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Images;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>The process engine on a root file system that lies unpacked in a folder: no image, nothing measured.</summary>
public sealed class RootFolderTests
{
    const string Guest = "/bin/guest";

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact(Timeout = 180_000)]
    public async Task The_command_runs_a_folder_as_build_enclave_would_pack_it()
    {
        await using var host = new EnclaveHost(EngineChoice.Process);
        var folder = await ForeignParts.BringAsync("python");
        var run = await Tool.TryRunAsync(
            Checkout.Command,
            ["run-enclave", "--engine", "process", "--rootfs", folder, "--memory", "512", "--cpu-count", "1", "--attach-console", "--env", "GREETING=Hello, enclave",
                "--workdir", "/made/for/it", "--user", "33:34", "--", "python3", "-c",
                "import os, sys; print(sys.argv[1:], os.environ['GREETING'], os.getcwd(), os.getuid(), os.getgid(), os.stat('/usr/bin/socat').st_uid)", "two words"],
            host.Environment);
        Assert.Contains("\"EnclaveName\": \"current\"", run.Output, StringComparison.Ordinal);
        Assert.EndsWith("['two words'] Hello, enclave /made/for/it 33 34 0\r\n", run.Output, StringComparison.Ordinal);
        Assert.EndsWith("\nThe enclave's program exited with status 0.\n", run.Error, StringComparison.Ordinal);
        Assert.False(Path.Exists(Path.Combine(folder, "made")));
        await host.AssertNothingLeftAsync();
    }

    [Fact(Timeout = 180_000)]
    public async Task Nothing_is_measured_and_nothing_claims_that_it_was()
    {
        await using var host = new EnclaveHost(EngineChoice.Process);
        var folder = await ForeignParts.BringAsync("python");
        await using var enclave = await host.StartAsync(OfFolder(host, folder, "/usr/bin/python3", "-c", "import time; time.sleep(600)"));
        var description = Assert.Single(await host.Registry.DescribeAsync(cancellationToken: Cancellation));
        Assert.Equal("DEBUG_MODE", description.Flags);
        Assert.All((string[])["PCR0", "PCR1", "PCR2"], register => Assert.Equal(new string('0', 96), description.Measurements![register]));

        // The registers as a program in it reads them (DescribePCR), by the ioctl and CBOR written by hand.
        const string Code = """
            import ctypes, fcntl, struct
            for index in (0, 1, 2, 8):
                request = b'\xa1kDescribePCR\xa1eindex' + bytes([index])
                response = ctypes.create_string_buffer(4096)
                raw = bytearray(struct.pack('4Q', ctypes.addressof(a := ctypes.create_string_buffer(request)), len(request), ctypes.addressof(response), 4096))
                fcntl.ioctl(open('/dev/nsm'), 0xC0200A00, raw)
                print(index, bytes(48) in response.raw[:struct.unpack('4Q', raw)[3]])
            """;
        var read = await Tool.TryRunAsync(Checkout.Command, ["exec", enclave.Info.EnclaveName, "--", "python3", "-c", Code], host.Environment);
        Assert.Equal(("0 True\n1 True\n2 True\n8 True\n", ""), (read.Output, read.Error));
        Assert.Contains($"{folder} is not measured.", await File.ReadAllTextAsync(Path.Combine(host.LogPath, "nitro_enclaves.log"), Cancellation), StringComparison.Ordinal);
    }

    [Fact(Timeout = 180_000)]
    public async Task What_the_enclave_writes_stays_in_it_and_a_new_start_reads_the_folder_again()
    {
        await using var host = new EnclaveHost(EngineChoice.Process);
        using var folder = await FolderAsync("files");
        await File.WriteAllTextAsync(Path.Combine(folder.Path, "first"), "1", Cancellation);
        var options = OfFolder(host, folder.Path, Guest) with { AttachConsole = true };
        Assert.Contains("entry /first ", await RunAsync(host, options), StringComparison.Ordinal);
        File.Move(Path.Combine(folder.Path, "first"), Path.Combine(folder.Path, "second"));
        var again = await RunAsync(host, options with { ModuleId = host.NewModuleId() });
        Assert.Contains("entry /second ", again, StringComparison.Ordinal);
        Assert.DoesNotContain("entry /first ", again, StringComparison.Ordinal);
    }

    [Fact(Timeout = 180_000)]
    public async Task A_folder_that_cannot_be_a_root_is_refused_in_a_sentence()
    {
        await using var host = new EnclaveHost(EngineChoice.Process);
        using var folder = await FolderAsync("obey");
        await AssertRefusedAsync(EnclaveFailure.FileOperation, $"The folder {folder.Path}/none does not exist", OfFolder(host, $"{folder.Path}/none", Guest));
        await AssertRefusedAsync(EnclaveFailure.BootFailure, "The process engine cannot start /bin/nothing: No such file", OfFolder(host, folder.Path, "/bin/nothing"));
        await AssertRefusedAsync(
            EnclaveFailure.BootFailure, "The enclave's files do not fit into its memory: it was full at /",
            OfFolder(host, await ForeignParts.BringAsync("python"), Guest) with { MemoryMiB = 16 });
        var unknown = OfFolder(host, folder.Path, Guest);
        await AssertRefusedAsync(
            EnclaveFailure.BootFailure, "The image's program cannot be started: ",
            unknown with { RootFolder = unknown.RootFolder! with { Program = new ProgramDescription { Command = [Guest], User = "nobody-knows" } } });
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(Path.Combine(folder.Path, "socket")));
        await AssertRefusedAsync(EnclaveFailure.InvalidImage, $"{folder.Path} is no root file system: ", OfFolder(host, folder.Path, Guest));
        await host.AssertNothingLeftAsync();

        async Task AssertRefusedAsync(EnclaveFailure failure, string message, EnclaveOptions options)
        {
            var exception = await Assert.ThrowsAsync<EnclaveException>(() => host.StartAsync(options));
            Assert.Equal(failure, exception.Failure);
            Assert.StartsWith(message, exception.Message, StringComparison.Ordinal);
        }
    }

    static EnclaveOptions OfFolder(EnclaveHost host, string folder, params string[] command) => host.Options("") with
    {
        EifPath = null,
        RootFolder = new RootFolder { Path = folder, Program = new ProgramDescription { Command = command } },
        DebugMode = true,
    };

    static async Task<string> RunAsync(EnclaveHost host, EnclaveOptions options)
    {
        await using var enclave = await host.StartAsync(options);
        return await GuestConsole.FollowAsync(enclave.Client);
    }

    static async Task<ScratchFolder> FolderAsync(string program)
    {
        var folder = new ScratchFolder();
        var file = folder.Path + Guest;
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.Copy(await GuestPrograms.CompileAsync(program), file);
        return folder;
    }

    /// <summary>A folder that goes when the test has ended.</summary>
    sealed class ScratchFolder : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("nitro-root-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
