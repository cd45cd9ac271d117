namespace NitroEnclaves.Images;

/// <summary>Bytes that should be an enclave image are not acceptable as one.</summary>
public sealed class EifException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="reason">What is wrong.</param>
    /// <param name="offset">File offset of the byte or field at fault.</param>
    /// <param name="message">The same for people, without the offset.</param>
    /// <param name="innerException">The failure underneath, if there is one.</param>
    public EifException(EifError reason, long offset, string message, Exception? innerException = null)
        : base($"{message} (at byte {offset})", innerException)
    {
        Reason = reason;
        Offset = offset;
    }

    EifException(EifError reason, string message) : base(message) => Reason = reason;

    /// <summary>What is wrong.</summary>
    public EifError Reason { get; }

    /// <summary>File offset of the byte or field at fault.</summary>
    public long Offset { get; }

    /// <summary>An exception that carries a text of the reference tools unchanged (lenient reading).</summary>
    internal static EifException Verbatim(EifError reason, string message) => new(reason, message);
}
