using System.Buffers.Binary;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>A running guest that does what tests of vsock order (<c>Guests/vsock.c</c>).</summary>
public class VsockGuest : IAsyncLifetime
{
    internal const uint Port = 5000;

    const int OrderLength = 16;

    LaunchedEnclave? _enclave;

    /// <summary>A guest of QEMU's.</summary>
    public VsockGuest()
        : this(EngineChoice.Qemu)
    {
    }

    /// <summary>A guest of an engine.</summary>
    protected VsockGuest(EngineChoice engine) => Host = new EnclaveHost(engine);

    internal EnclaveHost Host { get; }

    internal LaunchedEnclave Enclave => _enclave!;

    /// <summary>Connects and gives an order.</summary>
    internal async Task<VsockConnection> OrderAsync(char letter, uint port = 0, ulong count = 0)
    {
        var order = new byte[OrderLength];
        order[0] = (byte)letter;
        BinaryPrimitives.WriteUInt32LittleEndian(order.AsSpan(4), port);
        BinaryPrimitives.WriteUInt64LittleEndian(order.AsSpan(8), count);
        var connection = await Host.ConnectAsync(Enclave.Info, Port);
        await connection.Stream.WriteAsync(order, TestContext.Current.CancellationToken);
        return connection;
    }

    /// <summary>The two numbers of an answer.</summary>
    internal static async Task<(ulong First, ulong Second)> AnswerAsync(VsockConnection connection)
    {
        var answer = new byte[2 * sizeof(ulong)];
        await connection.Stream.ReadExactlyAsync(answer, TestContext.Current.CancellationToken);
        return (BinaryPrimitives.ReadUInt64LittleEndian(answer), BinaryPrimitives.ReadUInt64LittleEndian(answer.AsSpan(sizeof(ulong))));
    }

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        var image = await GuestImage.FromProgramAsync("vsock");
        _enclave = await Host.StartAsync(Host.Options(image.Path) with { EndWithLauncher = true });
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_enclave is not null)
        {
            Assert.Single(Host.Registry.List());
            // The launcher lets go, and with it goes the enclave.
            await _enclave.DisposeAsync();
            await Host.AssertNothingLeftAsync();
        }

        await Host.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}

/// <summary>The same guest, run by the process engine.</summary>
public sealed class ProcessVsockGuest() : VsockGuest(EngineChoice.Process);
