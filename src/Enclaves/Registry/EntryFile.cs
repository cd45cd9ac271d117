using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// One entry's file, open. The enclave's process keeps it locked, so that the kernel says to everybody whether that process lives,
/// through any namespaces and without a process id that could have been given away again.
/// </summary>
sealed class EntryFile : IDisposable
{
    // The entry is small; a larger file is not ours and is not read.
    const int LongestEntry = 64 * 1024;

    readonly SafeFileHandle _file;

    EntryFile(SafeFileHandle file) => _file = file;

    /// <summary>Makes the file and locks it; null when there is one of that name.</summary>
    public static EntryFile? Create(string path)
    {
        var file = Interop.open(path, Interop.O_RDWR | Interop.O_CREAT | Interop.O_EXCL | Interop.O_NOFOLLOW | Interop.O_CLOEXEC, 0x1a4);
        if (file.IsInvalid)
        {
            var error = Marshal.GetLastPInvokeError();
            file.Dispose();
            return error == Interop.EEXIST ? null : throw new EnclaveException(
                EnclaveFailure.RegistryUnavailable, $"{path} cannot be made: {Marshal.GetPInvokeErrorMessage(error)}.");
        }

        var entry = new EntryFile(file);
        if (entry.TryLock())
        {
            return entry;
        }

        entry.Dispose();
        throw new EnclaveException(EnclaveFailure.RegistryUnavailable, $"{path} cannot be locked.");
    }

    /// <summary>Opens the file of another process; null when it is gone or not to be read.</summary>
    public static EntryFile? Open(string path)
    {
        var file = Interop.open(path, Interop.O_RDONLY | Interop.O_NOFOLLOW | Interop.O_CLOEXEC, 0);
        if (!file.IsInvalid)
        {
            return new EntryFile(file);
        }

        file.Dispose();
        return null;
    }

    /// <summary>Takes the lock if nobody has it: then the process that made the entry is gone.</summary>
    public bool TryLock() => Interop.flock(_file, Interop.LOCK_EX | Interop.LOCK_NB) == 0;

    /// <summary>The entry; null when the file does not hold one.</summary>
    public EnclaveEntry? Read()
    {
        var length = RandomAccess.GetLength(_file);
        if (length is <= 0 or > LongestEntry)
        {
            return null;
        }

        var bytes = new byte[length];
        var read = RandomAccess.Read(_file, bytes, 0);
        try
        {
            return JsonSerializer.Deserialize(bytes.AsSpan(0, read), EnclaveJsonContext.Default.EnclaveEntry);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Writes the entry in place of what the file held.</summary>
    public void Write(EnclaveEntry entry)
    {
        // Written member by member: this is on the way to every start, where bringing the serializer up takes longer than all the writing.
        var output = new ArrayBufferWriter<byte>(512);
        using (var writer = new Utf8JsonWriter(output, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            writer.WriteStartObject();
            writer.WriteString("EnclaveName"u8, entry.Name);
            writer.WriteString("EnclaveID"u8, entry.Id);
            writer.WriteNumber("ProcessID"u8, entry.ProcessId);
            writer.WriteNumber("EnclaveCID"u8, entry.Cid);
            writer.WriteString("Engine"u8, entry.Engine);
            writer.WriteString("State"u8, entry.State.ToString());
            writer.WriteEndObject();
        }

        RandomAccess.Write(_file, output.WrittenSpan, 0);
        RandomAccess.SetLength(_file, output.WrittenCount);
    }

    public void Dispose() => _file.Dispose();
}
