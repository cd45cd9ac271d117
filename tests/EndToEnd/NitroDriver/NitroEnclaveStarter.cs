using System.Buffers.Binary;
using System.Collections.Concurrent;
using NitroEnclaves.Attestation;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Images;
using NitroEnclaves.Tests;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>
/// Runs the hypervisor's enclaves with QEMU on the machine of the test. What an enclave sends to port 9000 reaches the parent machine's port
/// 9000 from the enclave's CID; the parent machine reaches the enclave by its CID, and a debug enclave's console at CID 0.
/// </summary>
sealed class NitroEnclaveStarter(string folder, AttestationAuthority authority, Func<uint, uint, Task<Stream>> connectToParent) : IDisposable
{
    const ulong ImageOffset = 8 << 20;
    const uint ReportPort = 9000;

    // However many enclaves are started at the same time: this machine has not as many processors as they have together.
    const int MostBoots = 4;

    readonly ConcurrentQueue<string> _faults = new();
    readonly SemaphoreSlim _boots = new(MostBoots);

    /// <summary>What went wrong, for the test's message.</summary>
    public IReadOnlyCollection<string> Faults => _faults;

    /// <summary>The Unix socket of an enclave's vsock.</summary>
    public string VsockPath(uint cid) => Path.Combine(folder, $"{cid}.vsock");

    /// <summary>The Unix socket of an enclave's console.</summary>
    public string ConsolePath(uint cid) => Path.Combine(folder, $"{cid}.console");

    /// <summary>Boots what lies in the slot's memory; returns when it has ended or was stopped.</summary>
    public async Task RunAsync(NitroSlot slot, IParentMemory memory, CancellationToken stop)
    {
        var isBooting = 0;
        // Before the driver hears that the enclave runs, whose console can be read from then on.
        var console = new ConsoleLog();
        File.Delete(ConsolePath(slot.Cid));
        using var consoles = slot.IsDebug ? ConsoleServer.Start(ConsolePath(slot.Cid), slot.Cid, console) : null;
        await Task.Yield();
        try
        {
            var path = Path.Combine(folder, $"{slot.Number}.eif");
            SaveImage(slot, memory, path);
            await _boots.WaitAsync(stop);
            isBooting = 1;
            using var image = EifFile.Open(path);
            var options = new EnclaveOptions { EifPath = path, MemoryMiB = slot.MemorySize >> 20, CpuCount = (uint)slot.Vcpus.Count, DebugMode = slot.IsDebug };
            var id = EnclaveId.Parse($"i-00000000000000001-enc{slot.Number:x16}");
            using var issuer = authority.CreateIssuer();
            await using var enclave = await new QemuEngine().StartAsync(
                new EnclaveLaunch
                {
                    Id = id.ToString(),
                    Cid = slot.Cid,
                    Image = image,
                    MemoryMiB = options.MemoryMiB,
                    VcpuCount = slot.Vcpus.Count,
                    DebugMode = slot.IsDebug,
                    Nsm = EnclaveNsm.Create(options, id, image.Measure(cancellationToken: stop), issuer, TimeProvider.System),
                    VsockPath = VsockPath(slot.Cid),
                    ConsoleOutput = output => console.Append(output.Span),
                },
                stop);
            using var serving = CancellationTokenSource.CreateLinkedTokenSource(stop);
            var reports = ServeReportsAsync(enclave, slot.Cid, EndBoot, serving.Token);
            var end = await enclave.Ended.WaitAsync(stop);
            if (isBooting == 1)
            {
                _faults.Enqueue($"Enclave {slot.Cid} ended before it said that it is ready. {end.Explanation}\n{console.TailText()}");
            }

            await serving.CancelAsync();
            await reports;
        }
        catch (OperationCanceledException)
        {
            // The driver has stopped it.
        }
        catch (Exception exception) when (exception is EnclaveException or EifException or IOException)
        {
            _faults.Enqueue(exception.ToString());
        }
        finally
        {
            EndBoot();
            console.Complete();
        }

        void EndBoot()
        {
            if (Interlocked.Exchange(ref isBooting, 0) == 1)
            {
                _boots.Release();
            }
        }
    }

    public void Dispose() => _boots.Dispose();

    // The image's length is in its own header: where its last section ends.
    static void SaveImage(NitroSlot slot, IParentMemory memory, string path)
    {
        var header = new byte[EifHeader.Size];
        Read(slot, memory, ImageOffset, header);
        ulong length = EifHeader.Size;
        for (var section = 0; section < EifHeader.MaxSections; section++)
        {
            var offset = BinaryPrimitives.ReadUInt64BigEndian(header.AsSpan(0x1C + (section * sizeof(ulong))));
            var size = BinaryPrimitives.ReadUInt64BigEndian(header.AsSpan(0x11C + (section * sizeof(ulong))));
            length = offset == 0 ? length : Math.Max(length, offset + 12 + size);
        }

        var image = new byte[Math.Min(length, slot.MemorySize - ImageOffset)];
        Read(slot, memory, ImageOffset, image);
        File.WriteAllBytes(path, image);
    }

    // The enclave's memory is the parent's, one region after the other.
    static void Read(NitroSlot slot, IParentMemory memory, ulong offset, Span<byte> destination)
    {
        foreach (var (address, size) in slot.Memory)
        {
            if (offset < size && destination.Length > 0)
            {
                var count = (int)Math.Min(size - offset, (ulong)destination.Length);
                if (!memory.TryRead(address + offset, destination[..count]))
                {
                    throw new IOException($"The parent has no memory at 0x{address:x}.");
                }

                destination = destination[count..];
                offset = 0;
            }
            else
            {
                offset -= Math.Min(size, offset);
            }
        }
    }

    async Task ServeReportsAsync(IRunningEnclave enclave, uint cid, Action booted, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                var report = await enclave.AcceptReportAsync(cancellationToken);
                booted();
                _ = RelayAsync(report, cid, cancellationToken);
            }
        }
        catch (OperationCanceledException)
        {
            // Over.
        }
    }

    async Task RelayAsync(Stream report, uint cid, CancellationToken cancellationToken)
    {
        await using (report)
        {
            try
            {
                await using var parent = await connectToParent(cid, ReportPort);
                await Task.WhenAny(report.CopyToAsync(parent, cancellationToken), parent.CopyToAsync(report, cancellationToken));
            }
            catch (Exception exception) when (exception is IOException or VsockException or OperationCanceledException)
            {
                // Nobody listens there: the enclave finds out by its closed connection, as on Nitro.
            }
        }
    }
}
