using System.Collections.Concurrent;
using System.Net.Sockets;
using NitroEnclaves.Attestation;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Tests;
using NitroEnclaves.Virtio;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>
/// A stand-in for a parent instance that programs of this machine see through the process engine's interception: the driver's device and its
/// ioctls, and a vsock on which the programs are CID 3. What they start there is booted by QEMU, from the memory that they have given away.
/// </summary>
/// <remarks>The driver itself, with its ioctls, is in <see cref="ParentMachine"/>; this one is quicker, and has as many CPUs as a test likes.</remarks>
sealed class InterceptedParent : IAsyncDisposable
{
    const uint Cid = 3;

    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("nitro-stand-in-");
    readonly EventLoop _loop = EventLoop.Start("stand-in");
    readonly AttestationAuthority _authority = AttestationAuthority.CreateEphemeral();
    readonly ConcurrentQueue<string> _faults = new();
    readonly DonatedMemory _memory = new();
    readonly NitroEnclaveStarter _starter;
    readonly NitroDeviceCalls _device;
    readonly EnclaveConnections _connections;
    readonly SocketCalls _sockets;

    /// <param name="topology">Its CPUs.</param>
    /// <param name="see">What the driver sees in place of a page; null shows it what there is.</param>
    public InterceptedParent(ParentTopology topology, Func<ParentPage, ParentPage>? see = null)
    {
        topology.Write(Modules, Cpus);
        _starter = new NitroEnclaveStarter(_folder.FullName, _authority, ConnectAsync);
        Hypervisor = new NitroHypervisor(_starter, _memory);
        Driver = new NitroDriverModel(topology.Pool, Hypervisor);
        _device = new NitroDeviceCalls(Driver, process => new ProcessPages(process, _memory, see), _loop);
        Hypervisor.StateChanged += HangUp;
        // A name that no other parent's sockets have.
        var table = new EnclaveSocketTable();
        _connections = new EnclaveConnections(Name, Cid, _loop, table);
        _sockets = new SocketCalls(Name, Cid, table, _connections, [], new SocketRelay(Name, [], Hypervisor.PathOf));
    }

    /// <summary>What the names of all its sockets have in them.</summary>
    public string Name => _folder.Name;

    public NitroHypervisor Hypervisor { get; }

    /// <summary>The driver's rules and what it has to give.</summary>
    public NitroDriverModel Driver { get; }

    /// <summary>What went wrong in the stand-in itself.</summary>
    public string Faults => string.Join('\n', [.. _faults, .. _starter.Faults]);

    string Modules => Path.Combine(_folder.FullName, "module");

    string Cpus => Path.Combine(_folder.FullName, "cpu");

    /// <summary>Starts a program that sees the parent.</summary>
    /// <param name="environment">Its variables, and those of this process.</param>
    /// <param name="command">The program, by its path, and its arguments.</param>
    public InterceptedProgram Start(IReadOnlyDictionary<string, string> environment, params IReadOnlyList<string> command)
    {
        // What the command's script sets: a killed runtime leaves its diagnostics' pipes behind.
        var variables = new Dictionary<string, string>(environment) { ["DOTNET_EnableDiagnostics"] = "0" };
        foreach (System.Collections.DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            variables.TryAdd((string)variable.Key, (string?)variable.Value ?? "");
        }

        return InterceptedProgram.Start(ParentLaunch.Create(Modules, Cpus, command, variables), listener => CallServer.Start(
            listener, CallNumbers.X64, _sockets, () => _device, exception => _faults.Enqueue(exception.ToString())));
    }

    /// <summary>Runs a program to its end.</summary>
    public async Task<ToolResult> RunAsync(IReadOnlyDictionary<string, string> environment, params IReadOnlyList<string> command)
    {
        using var program = Start(environment, command);
        return await program.WaitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await Hypervisor.DisposeAsync();
        _starter.Dispose();
        _loop.Invoke(_connections.Dispose);
        _loop.Dispose();
        _authority.Dispose();
        _folder.Delete(recursive: true);
    }

    void HangUp()
    {
        foreach (var descriptor in _device.Descriptors)
        {
            if (Hypervisor.Execute(NitroCommand.SlotInfo, descriptor.Enclave.Slot).State == NitroSlotState.Stopped)
            {
                descriptor.HangUp();
            }
        }
    }

    // What an enclave dials at CID 3 is a socket that one of the programs listens at.
    async Task<Stream> ConnectAsync(uint fromCid, uint port)
    {
        if (!VsockSocketPair.TryCreate(out var theirs, out var ours))
        {
            throw new IOException("There are no descriptors left.");
        }

        var outcome = new ConnectOutcome();
        _loop.Post(() => _connections.Connect(theirs, port, outcome, fromCid, null));
        try
        {
            await outcome.Connected;
            return new NetworkStream(new Socket(ours), ownsSocket: true);
        }
        catch
        {
            ours.Dispose();
            throw;
        }
    }

    sealed class ConnectOutcome : IVsockConnectCompletion
    {
        readonly TaskCompletionSource _connected = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Connected => _connected.Task;

        void IVsockConnectCompletion.Connected(SafeDescriptor socket, uint hostPort) => _connected.TrySetResult();

        public void Failed(VsockConnectFailure failure) => _connected.TrySetException(new IOException($"Nobody listens at the parent's port: {failure}."));
    }
}
