using System.Net.Sockets;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>
/// A parent whose driver is the stand-in: memory of ordinary pages, and a vsock made of Unix sockets on which the test plays the enclaves.
/// </summary>
sealed class StandInParent : IDisposable
{
    readonly TemporaryFolder _folder = new();
    readonly ScriptedKernel _kernel;
    // Of all parents: the names that connections have are the whole machine's.
    static int s_unique;

    public StandInParent(uint cores = 4, ulong memoryMiB = 4096)
    {
        _kernel = new ScriptedKernel(memoryMiB, ScriptedKernel.Cores(0, cores, cores)) { CoreCount = cores };
        _kernel.SetPool([.. Enumerable.Range(1, (int)cores - 1).SelectMany(cpu => new[] { (uint)cpu, (uint)cpu + cores }).Order()]);
        _kernel.SetPages(0, 2 << 20, total: memoryMiB / 2, used: 0);
        Driver = new StandInDriver(_kernel);
        Registry = new EnclaveRegistry(Path.Combine(_folder.Path, "registry"));
    }

    public StandInDriver Driver { get; }

    public EnclaveRegistry Registry { get; }

    public ScriptedKernel Kernel => _kernel;

    /// <summary>The path of the vsock: <c>_&lt;port&gt;</c> behind it where the parent listens.</summary>
    public string VsockPath => Path.Combine(_folder.Path, "v");

    /// <summary>An engine as one enclave's process has it.</summary>
    public NitroEngine Engine() => new(Driver, new OrdinaryMemoryParent(this, _kernel, Vsock));

    public VsockOptions Vsock => new() { Resolvers = [VsockResolver.Fixed(VsockAddress.Any, VsockRoute.UnixSocket(VsockPath))] };

    // The kernel lets one of all that come at once have a vsock port; on a Unix socket's path, looking whether its owner lives and taking it are two.
    readonly Lock _listening = new();

    /// <summary>Listens at the parent's port 9000; fails where somebody else does.</summary>
    public VsockListener Listen() => ListenAlone(() => VsockListener.Listen(EnclaveReports.Port, Vsock));

    VsockListener ListenAlone(Func<VsockListener> listen)
    {
        lock (_listening)
        {
            return listen();
        }
    }

    /// <summary>Connects to the parent's port 9000 as an enclave, and sends.</summary>
    public async Task<Stream> DialAsync(uint cid, params byte[] bytes)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint($"\0vsock/{cid}:1024/{Environment.ProcessId:x}{Interlocked.Increment(ref s_unique):x}"));
        await socket.ConnectAsync(new UnixDomainSocketEndPoint($"{VsockPath}_{EnclaveReports.Port}"));
        await socket.SendAsync(bytes);
        return new NetworkStream(socket, ownsSocket: true);
    }

    /// <summary>Says that an enclave is ready, and waits for the echo.</summary>
    public async Task SayReadyAsync(uint cid)
    {
        await using var stream = await DialAsync(cid, EnclaveReports.Heartbeat);
        var echo = new byte[1];
        await stream.ReadExactlyAsync(echo);
        Assert.Equal(EnclaveReports.Heartbeat, echo[0]);
    }

    /// <summary>Serves the hypervisor's side of consoles: whoever connects gets the text, and then the end.</summary>
    public async Task<uint> ServeConsoleAsync(byte[] text)
    {
        using var listening = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listening.Bind(new UnixDomainSocketEndPoint(VsockPath));
        listening.Listen();
        using var socket = await listening.AcceptAsync();
        var request = new byte[64];
        var length = await socket.ReceiveAsync(request);
        await socket.SendAsync("OK 1\n"u8.ToArray());
        await socket.SendAsync(text);
        return uint.Parse(System.Text.Encoding.ASCII.GetString(request, 0, length).Split(' ')[1]);
    }

    /// <summary>A page as the engine takes it, of ordinary memory.</summary>
    public HugePageRegion MapPage(ulong size) => new OrdinaryMemoryParent(this, _kernel, Vsock).MapPage(size, 0);

    public void Dispose() => _folder.Dispose();

    sealed class OrdinaryMemoryParent(StandInParent parent, KernelFiles files, VsockOptions vsock) : NitroParent(files, vsock, TimeProvider.System)
    {
        protected override VsockListener Listen() => parent.ListenAlone(base.Listen);

        // Huge pages are the machine's to give; these are only aligned as such.
        public override unsafe HugePageRegion MapPage(ulong size, int node)
        {
            var whole = (byte*)Interop.mmap(
                null, (nuint)(size * 2), Interop.PROT_READ | Interop.PROT_WRITE, Interop.MAP_PRIVATE | Interop.MAP_ANONYMOUS, -1, 0);
            Assert.True(whole != Interop.MAP_FAILED);
            var aligned = (byte*)(((nuint)whole + (nuint)size - 1) / (nuint)size * (nuint)size);
            Unmap(whole, aligned);
            Unmap(aligned + size, whole + size * 2);
            return new HugePageRegion(aligned, size);
        }

        static unsafe void Unmap(byte* first, byte* end)
        {
            if (end > first)
            {
                Interop.munmap(first, (nuint)(end - first));
            }
        }
    }
}
