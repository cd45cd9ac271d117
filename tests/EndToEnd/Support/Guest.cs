using System.Text;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Images;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>A guest that runs under QEMU, with the test as its parent: takes the ready byte, the report of its end, and what it prints.</summary>
sealed class Guest : IAsyncDisposable
{
    const byte ReadyByte = 0xB7;

    // For a machine that runs everything else at the same time; a test that passes takes a few seconds.
    static readonly TimeSpan s_patience = TimeSpan.FromMinutes(8);

    readonly string _folder = Directory.CreateTempSubdirectory("nitro-guest-").FullName;
    readonly StringBuilder _console = new();
    readonly CancellationTokenSource _deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    IRunningEnclave? _enclave;

    /// <summary>What stands in the metadata of test images.</summary>
    public static EifMetadata Metadata { get; } = new()
    {
        ImageName = "guest",
        ImageVersion = "1.0",
        BuildTime = EifMetadata.FormatBuildTime(DateTimeOffset.UnixEpoch),
        BuildTool = "tests",
        BuildToolVersion = "1.0",
        OperatingSystem = "Linux",
        KernelVersion = "6.12",
    };

    Guest() => _deadline.CancelAfter(s_patience);

    /// <summary>What the guest has printed so far.</summary>
    public string Console
    {
        get
        {
            lock (_console)
            {
                return _console.ToString();
            }
        }
    }

    /// <summary>The lines of the console that start with a word, without it.</summary>
    public string[] Lines(string word) =>
        [.. Console.Split('\n').Select(line => line.TrimEnd('\r')).Where(line => line.StartsWith(word + " ", StringComparison.Ordinal)).Select(line => line[(word.Length + 1)..])];

    /// <summary>Starts a guest.</summary>
    /// <param name="image">Its image.</param>
    /// <param name="engine">What runs it; null for an ordinary QEMU engine.</param>
    public static async Task<Guest> StartAsync(EifBuilder image, QemuEngine? engine = null)
    {
        var guest = new Guest();
        try
        {
            var path = Path.Combine(guest._folder, "image.eif");
            image.Build(path);
            using var file = EifFile.Open(path);
            guest._enclave = await (engine ?? new QemuEngine()).StartAsync(
                new EnclaveLaunch
                {
                    Id = "i-00000000000000001-enc0000000000000001",
                    Cid = 16,
                    Image = file,
                    MemoryMiB = 256,
                    VcpuCount = 1,
                    Nsm = new NsmModule(new NsmModuleOptions { ModuleId = "i-00000000000000001-enc0000000000000001", Signer = new NoSigner() }),
                    VsockPath = Path.Combine(guest._folder, "vsock"),
                    ConsoleOutput = guest.Append,
                },
                guest._deadline.Token);
            return guest;
        }
        catch
        {
            await guest.DisposeAsync();
            throw;
        }
    }

    /// <summary>Takes the ready byte and sends it back.</summary>
    public async Task AnswerReadyByteAsync()
    {
        await using var report = await AcceptReportAsync();
        var bytes = new byte[1];
        await report.ReadExactlyAsync(bytes, _deadline.Token);
        Assert.Equal(ReadyByte, bytes[0]);
        await report.WriteAsync(bytes, _deadline.Token);
    }

    /// <summary>Takes the report of the program's end.</summary>
    public async Task<byte[]> TakeEndReportAsync()
    {
        await using var report = await AcceptReportAsync();
        var bytes = new byte[6];
        await report.ReadExactlyAsync(bytes, _deadline.Token);
        return bytes;
    }

    /// <summary>Waits until the guest has ended by itself.</summary>
    public async Task WaitForEndAsync() => await Explained(_enclave!.Ended.WaitAsync(_deadline.Token));

    public async ValueTask DisposeAsync()
    {
        if (_enclave is not null)
        {
            await _enclave.DisposeAsync();
        }

        _deadline.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    Task<Stream> AcceptReportAsync() => Explained(FirstOf(_enclave!.AcceptReportAsync(_deadline.Token).AsTask()));

    // A guest that has ended never reports again.
    async Task<Stream> FirstOf(Task<Stream> report)
    {
        await Task.WhenAny(report, _enclave!.Ended);
        return report.IsCompleted ? await report : throw new IOException("The guest ended without a report.");
    }

    async Task<T> Explained<T>(Task<T> task)
    {
        try
        {
            return await task;
        }
        catch (Exception exception)
        {
            throw new InvalidOperationException($"{exception.Message} The guest printed:\n{Console}", exception);
        }
    }

    void Append(ReadOnlyMemory<byte> output)
    {
        lock (_console)
        {
            _console.Append(Encoding.UTF8.GetString(output.Span));
        }
    }

    sealed class NoSigner : IDocumentSigner
    {
        public byte[] Sign(AttestationDocumentContent content) => throw new NotSupportedException("These guests ask for no document.");
    }
}
