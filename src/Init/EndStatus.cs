using System.Buffers.Binary;

namespace NitroEnclaves.Init;

/// <summary>How the program ended.</summary>
/// <param name="Signalled">Whether a signal ended it.</param>
/// <param name="Code">The signal's number, or the exit status.</param>
readonly record struct EndStatus(bool Signalled, int Code)
{
    /// <summary>Length of the message to the parent, in bytes.</summary>
    internal const int MessageLength = 6;

    /// <summary>The status a shell gives where a program cannot be started.</summary>
    internal static EndStatus NotStarted => new(false, 127);

    /// <summary>Takes apart what <c>waitpid</c> gives for a process that ended.</summary>
    internal static EndStatus FromWaitStatus(int status) =>
        (status & 0x7F) == 0 ? new EndStatus(false, (status >> 8) & 0xFF) : new EndStatus(true, status & 0x7F);

    /// <summary>Writes the message to the parent: <c>0xEE, kind (0 exit, 1 signal), i32 little-endian status</c>.</summary>
    /// <param name="message">At least <see cref="MessageLength"/> bytes.</param>
    internal void WriteMessage(Span<byte> message)
    {
        message[0] = 0xEE;
        message[1] = Signalled ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteInt32LittleEndian(message[2..], Code);
    }

    /// <inheritdoc/>
    public override string ToString() => Signalled ? $"was ended by signal {Code}" : $"exited with status {Code}";
}
