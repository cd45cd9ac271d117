using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using NitroEnclaves.Tests;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>
/// The PCI device 1d0f:e4c1 through which Linux's driver speaks to the Nitro hypervisor: a page of registers in BAR 3 (enable, version,
/// command, counters, request, reply), and MSI-X, whose vector 0 says "replied" and vector 1 "an enclave has changed its state". The layout
/// is that of Linux's <c>drivers/virt/nitro_enclaves/ne_pci_dev.h</c>.
/// </summary>
sealed class NitroPciDevice
{
    public const int InterruptTableRegion = 0;
    public const int RegisterRegion = 3;
    public const int RegionSize = 4096;
    public const int ConfigurationSize = 256;
    public const int VectorCount = 2;

    const int ConfigurationRegion = 7;
    const int CapabilityOffset = 0x40;
    const int PendingBits = 0x800;
    const int CommandRegister = 0x4;
    const int CounterRegister = 0xC;
    const int RequestBuffer = 0x10;
    const int ReplyBuffer = 0x100;
    const int BufferSize = 240;
    const int ReplyVector = 0;
    const int EventVector = 1;

    readonly Lock _lock = new();
    readonly NitroHypervisor _hypervisor;
    readonly byte[] _configuration = new byte[ConfigurationSize];
    readonly byte[] _interruptTable = new byte[RegionSize];
    readonly byte[] _registers = new byte[RegionSize];
    readonly SafeFileHandle?[] _vectors = new SafeFileHandle?[VectorCount];

    public NitroPciDevice(NitroHypervisor hypervisor, GuestPhysicalMemory memory)
    {
        (_hypervisor, Memory) = (hypervisor, memory);
        hypervisor.StateChanged += RaiseEvent;
        WriteConfiguration();
    }

    /// <summary>The memory of the machine that has the device.</summary>
    public GuestPhysicalMemory Memory { get; }

    public void Read(int region, ulong offset, Span<byte> destination)
    {
        lock (_lock)
        {
            Bytes(region, offset, destination.Length).CopyTo(destination);
        }
    }

    public void Write(int region, ulong offset, ReadOnlySpan<byte> source)
    {
        lock (_lock)
        {
            source.CopyTo(Bytes(region, offset, source.Length));
            if (region == RegisterRegion && offset == CommandRegister)
            {
                var command = (NitroCommand)BinaryPrimitives.ReadUInt32LittleEndian(source);
                var reply = _hypervisor.Execute(command, _registers.AsSpan(RequestBuffer, BufferSize));
                reply.CopyTo(_registers.AsSpan(ReplyBuffer, BufferSize));
                Count(0);
                Raise(ReplyVector);
            }
        }
    }

    public void SetVector(int vector, SafeFileHandle? signal)
    {
        lock (_lock)
        {
            _vectors[vector] = signal;
        }
    }

    public void Reset()
    {
        lock (_lock)
        {
            Array.Clear(_registers);
        }
    }

    void RaiseEvent()
    {
        lock (_lock)
        {
            Count(16);
            Raise(EventVector);
        }
    }

    // Replies are counted in the lower half of the register, events in the upper one.
    void Count(int shift)
    {
        var counters = BinaryPrimitives.ReadUInt32LittleEndian(_registers.AsSpan(CounterRegister));
        var mask = 0xFFFFu << shift;
        BinaryPrimitives.WriteUInt32LittleEndian(_registers.AsSpan(CounterRegister), (counters & ~mask) | ((counters + (1u << shift)) & mask));
    }

    void Raise(int vector)
    {
        if (_vectors[vector] is { } signal)
        {
            // An eventfd: eight bytes are added to its counter.
            RandomAccess.Write(signal, [1, 0, 0, 0, 0, 0, 0, 0], 0);
        }
    }

    Span<byte> Bytes(int region, ulong offset, int length) => (region switch
    {
        InterruptTableRegion => _interruptTable,
        RegisterRegion => _registers,
        ConfigurationRegion => _configuration,
        _ => throw new ArgumentOutOfRangeException(nameof(region), region, "The device has no such region."),
    }).AsSpan(checked((int)offset), length);

    void WriteConfiguration()
    {
        var configuration = _configuration.AsSpan();
        BinaryPrimitives.WriteUInt16LittleEndian(configuration, 0x1D0F);
        BinaryPrimitives.WriteUInt16LittleEndian(configuration[0x02..], 0xE4C1);
        BinaryPrimitives.WriteUInt16LittleEndian(configuration[0x06..], 0x10); // Status: there is a list of capabilities.
        configuration[0x0A] = 0x80; // Class: a system peripheral of no other kind.
        configuration[0x0B] = 0x08;
        BinaryPrimitives.WriteUInt16LittleEndian(configuration[0x2C..], 0x1D0F);
        BinaryPrimitives.WriteUInt16LittleEndian(configuration[0x2E..], 0xE4C1);
        configuration[0x34] = CapabilityOffset;
        configuration[CapabilityOffset] = 0x11; // MSI-X, the last capability.
        BinaryPrimitives.WriteUInt16LittleEndian(configuration[(CapabilityOffset + 2)..], VectorCount - 1);
        BinaryPrimitives.WriteUInt32LittleEndian(configuration[(CapabilityOffset + 4)..], InterruptTableRegion);
        BinaryPrimitives.WriteUInt32LittleEndian(configuration[(CapabilityOffset + 8)..], PendingBits | InterruptTableRegion);
    }
}
