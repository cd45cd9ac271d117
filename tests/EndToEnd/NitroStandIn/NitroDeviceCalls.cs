using System.Buffers.Binary;
using System.Collections.Concurrent;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Tests;
using NitroEnclaves.Virtio;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>
/// The driver's ioctls on <c>/dev/nitro_enclaves</c> and on enclaves' descriptors (eif-and-nitro-cli 3.7), for programs under the interception:
/// their arguments are in their memory, and so are the pages they give away.
/// </summary>
sealed class NitroDeviceCalls(NitroDriverModel driver, Func<int, IParentPages> pagesOf, EventLoop loop) : IDeviceCalls
{
    /// <summary>_IOC_TYPE of all commands.</summary>
    public const byte IoctlType = 0xAE;

    const uint CreateVm = 0x8008AE20;
    const uint AddVcpu = 0xC004AE21;
    const uint GetImageLoadInfo = 0xC010AE22;
    const uint SetUserMemoryRegion = 0x4018AE23;
    const uint StartEnclave = 0xC010AE24;

    const string DevicePath = "/dev/nitro_enclaves";
    const int LongestArgument = 3 * sizeof(ulong);

    readonly ConcurrentDictionary<string, NitroDescriptor> _descriptors = new();
    readonly Lock _closing = new();

    /// <summary>The enclaves whose descriptor some program has open.</summary>
    public IReadOnlyCollection<NitroDescriptor> Descriptors => [.. _descriptors.Values];

    public CallAnswer Answer(CallListener listener, in InterceptedCall call)
    {
        var path = TargetProcess.PathOf(call.Thread, call.Descriptor);
        if (path != DevicePath && (path is null || !_descriptors.ContainsKey(path)))
        {
            return CallAnswer.Continue;
        }

        // The thread's id may be another's by now, had it been killed meanwhile.
        if (TargetProcess.LeaderOf(call.Thread) is not { } caller || !listener.IsWaiting(call))
        {
            return CallAnswer.Taken;
        }

        CloseThoseClosed();

        if (path == DevicePath)
        {
            return (uint)call.Argument1 == CreateVm ? Create(listener, call, caller) : Refuse(NitroRule.UnknownCommand);
        }

        return _descriptors.TryGetValue(path, out var descriptor) ? Answer(call, descriptor.Enclave, caller) : CallAnswer.Continue;
    }

    CallAnswer Create(CallListener listener, in InterceptedCall call, int caller)
    {
        if (driver.Create(caller, out var enclave) is { } rule)
        {
            return CallAnswer.Fail(rule.Error);
        }

        var descriptor = new NitroDescriptor(loop, caller, enclave!, Close);
        _descriptors[descriptor.Name] = descriptor;
        Span<byte> number = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(number, enclave!.Slot);
        var answer = TargetProcess.TryWrite(call.Thread, call.Argument2, number)
            ? listener.AddDescriptor(call, descriptor.Theirs, closeOnExec: true)
            : Refuse(NitroRule.BadAddress);
        // A program without it is as one that has closed it.
        descriptor.Watch();
        return answer;
    }

    CallAnswer Answer(in InterceptedCall call, NitroDriverEnclave enclave, int caller)
    {
        Span<byte> room = stackalloc byte[LongestArgument];
        var argument = room[..((uint)call.Argument1 switch
        {
            AddVcpu => sizeof(uint),
            GetImageLoadInfo or StartEnclave => 2 * sizeof(ulong),
            SetUserMemoryRegion => LongestArgument,
            _ => 0,
        })];
        if (argument.IsEmpty)
        {
            return Refuse(NitroRule.UnknownCommand);
        }

        if (!TargetProcess.TryRead(call.Thread, call.Argument2, argument))
        {
            return Refuse(NitroRule.BadAddress);
        }

        var rule = (uint)call.Argument1 switch
        {
            AddVcpu => Add(enclave, caller, argument),
            GetImageLoadInfo => Locate(enclave, argument),
            StartEnclave => Start(enclave, argument),
            _ => enclave.AddMemory(caller, Word(argument, 0), Word(argument, 1), Word(argument, 2), pagesOf(caller)),
        };
        return rule is not null ? CallAnswer.Fail(rule.Error)
            : (uint)call.Argument1 == SetUserMemoryRegion || TargetProcess.TryWrite(call.Thread, call.Argument2, argument) ? CallAnswer.Return(0)
            : Refuse(NitroRule.BadAddress);
    }

    static NitroRule? Add(NitroDriverEnclave enclave, int caller, Span<byte> argument)
    {
        var cpu = BinaryPrimitives.ReadUInt32LittleEndian(argument);
        var rule = enclave.AddVcpu(caller, ref cpu);
        BinaryPrimitives.WriteUInt32LittleEndian(argument, cpu);
        return rule;
    }

    static NitroRule? Locate(NitroDriverEnclave enclave, Span<byte> argument)
    {
        var rule = enclave.GetImageLoadInfo(Word(argument, 0));
        BinaryPrimitives.WriteUInt64LittleEndian(argument[sizeof(ulong)..], NitroDriverEnclave.ImageOffset);
        return rule;
    }

    static NitroRule? Start(NitroDriverEnclave enclave, Span<byte> argument)
    {
        var cid = Word(argument, 1);
        var rule = enclave.Start(Word(argument, 0), ref cid);
        BinaryPrimitives.WriteUInt64LittleEndian(argument[sizeof(ulong)..], cid);
        return rule;
    }

    static ulong Word(ReadOnlySpan<byte> argument, int index) => BinaryPrimitives.ReadUInt64LittleEndian(argument[(index * sizeof(ulong))..]);

    CallAnswer Refuse(NitroRule rule) => CallAnswer.Fail(driver.Refuse(rule).Error);

    // A close that has returned has given everything back, whoever has noticed it first.
    void CloseThoseClosed()
    {
        lock (_closing)
        {
            foreach (var closed in _descriptors.Values.Where(descriptor => descriptor.IsClosed))
            {
                Close(closed);
            }
        }
    }

    void Close(NitroDescriptor descriptor)
    {
        lock (_closing)
        {
            if (_descriptors.TryRemove(descriptor.Name, out _))
            {
                descriptor.Enclave.Release();
            }
        }
    }
}
