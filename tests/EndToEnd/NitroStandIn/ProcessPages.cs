using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Tests;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>The pages of a process that calls the driver, by what the kernel says of them: <c>pagemap</c>, <c>kpageflags</c> (root's), <c>move_pages</c>.</summary>
/// <param name="process">The process.</param>
/// <param name="memory">Told of each page.</param>
/// <param name="see">What the driver sees in place of a page; null shows it what there is.</param>
sealed class ProcessPages(int process, DonatedMemory memory, Func<ParentPage, ParentPage>? see) : IParentPages
{
    const ulong SmallPage = 4096;
    const ulong Present = 1UL << 63;
    const ulong FrameMask = (1UL << 55) - 1;

    const string PageFlags = "/proc/kpageflags";

    // linux/kernel-page-flags.h
    const int CompoundTail = 16;
    const int Huge = 17;

    public ParentPage? At(ulong address)
    {
        // The driver's get_user_pages brings a page that was never touched; reading it does the same.
        if (!TargetProcess.TryRead(process, address, stackalloc byte[1]))
        {
            return null;
        }

        var entry = ReadWord(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/pagemap"), address / SmallPage);
        var frame = entry & FrameMask;
        if ((entry & Present) == 0 || frame == 0)
        {
            throw new InvalidOperationException("/proc/PID/pagemap shows no physical addresses: the stand-in for the driver needs root (CAP_SYS_ADMIN).");
        }

        var page = new ParentPage((ReadWord(PageFlags, frame) >> Huge & 1) != 0, SizeOf(frame), NodeOf(address), frame * SmallPage);
        memory.Map(page.Physical, page.Size, process, address);
        return see?.Invoke(page) ?? page;
    }

    // From its first small page to the last that belongs to it.
    static ulong SizeOf(ulong frame)
    {
        const int Step = 512;
        Span<byte> flags = stackalloc byte[Step * sizeof(ulong)];
        using var file = File.OpenHandle(PageFlags);
        for (var count = 1UL; ; count += Step)
        {
            flags.Clear();
            RandomAccess.Read(file, flags, (long)((frame + count) * sizeof(ulong)));
            for (var index = 0; index < Step; index++)
            {
                if ((BinaryPrimitives.ReadUInt64LittleEndian(flags[(index * sizeof(ulong))..]) >> CompoundTail & 1) == 0)
                {
                    return (count + (ulong)index) * SmallPage;
                }
            }
        }
    }

    static ulong ReadWord(string path, ulong index)
    {
        using var file = File.OpenHandle(path);
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        return RandomAccess.Read(file, word, (long)(index * sizeof(ulong))) == word.Length ? BinaryPrimitives.ReadUInt64LittleEndian(word) : 0;
    }

    unsafe int NodeOf(ulong address)
    {
        // SAFETY: one address and one status, on this stack frame.
        var page = (void*)address;
        int status;
        return Interop.move_pages(Interop.SYS_move_pages, process, 1, &page, null, &status, 0) == 0 && status >= 0
            ? status
            : throw new IOException($"The kernel does not say on which node a page is: {Marshal.GetLastPInvokeErrorMessage()} ({status}).");
    }
}
