using System.Diagnostics;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Boot.Benchmarks;

/// <summary>Boots an image and takes the time until its heartbeat.</summary>
static class HeartbeatTimer
{
    const string Id = "i-00000000000000001-enc0000000000000001";

    public static async Task<TimeSpan> MeasureAsync(QemuEngine engine, BootImage image)
    {
        var folder = Directory.CreateTempSubdirectory("boot-");
        try
        {
            var watch = Stopwatch.StartNew();
            using var file = image.Open();
            await using var enclave = await engine.StartAsync(new EnclaveLaunch
            {
                Id = Id,
                Cid = 16,
                Image = file,
                MemoryMiB = 256,
                VcpuCount = 1,
                Nsm = new NsmModule(new NsmModuleOptions { ModuleId = Id, Signer = new NoSigner() }),
                VsockPath = Path.Combine(folder.FullName, "vsock"),
                ConsoleOutput = _ => { },
            });
            await using var heartbeat = await enclave.AcceptReportAsync(CancellationToken.None);
            await heartbeat.ReadExactlyAsync(new byte[1]);
            return watch.Elapsed;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    sealed class NoSigner : IDocumentSigner
    {
        public byte[] Sign(AttestationDocumentContent content) => throw new NotSupportedException("The boot asks for no document.");
    }
}
