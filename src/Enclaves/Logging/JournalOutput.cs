using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// systemd's journal, where a unit's standard error leads to it: systemd then names the stream's device and inode in
/// <c>JOURNAL_STREAM</c>, which a program compares before it believes it.
/// </summary>
sealed class JournalOutput : IEnclaveLogOutput
{
    const string Variable = "JOURNAL_STREAM";
    const int StandardError = 2;

    readonly SafeFileHandle _stream;

    JournalOutput(SafeFileHandle stream) => _stream = stream;

    /// <summary>The journal behind this program's standard error; null where something else is.</summary>
    public static JournalOutput? Open() => OpenStream() is { } stream ? new JournalOutput(stream) : null;

    /// <summary>This program's standard error, if the journal is behind it, to be handed to a background process; null otherwise.</summary>
    public static SafeFileHandle? OpenStream()
    {
        var stream = new SafeFileHandle(StandardError, ownsHandle: false);
        return Leads(stream, Environment.GetEnvironmentVariable(Variable)) ? stream : null;
    }

    /// <summary>Whether a descriptor is the stream that the variable names.</summary>
    internal static bool Leads(SafeHandle stream, string? variable) =>
        variable is { Length: > 0 }
        && Interop.statx(
            (int)stream.DangerousGetHandle(), "", Interop.AT_EMPTY_PATH, Interop.STATX_BASIC_STATS, out var status) == 0
        && variable == string.Create(CultureInfo.InvariantCulture, $"{DeviceNumber(status.stx_dev_major, status.stx_dev_minor)}:{status.stx_ino}");

    public void Write(EnclaveLogLine line)
    {
        var bytes = Encoding.UTF8.GetBytes(line.ForJournal());
        try
        {
            RandomAccess.Write(_stream, bytes, 0);
        }
        catch (Exception exception) when (exception is IOException or NotSupportedException or UnauthorizedAccessException)
        {
            // The journal is being started anew; the file has the line.
        }
    }

    // glibc's gnu_dev_makedev, by which systemd prints st_dev.
    static ulong DeviceNumber(uint major, uint minor) =>
        ((ulong)(major & 0xfff) << 8) | ((ulong)(major & ~0xfffu) << 32) | (minor & 0xff) | ((ulong)(minor & ~0xffu) << 12);
}
