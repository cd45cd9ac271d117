namespace NitroEnclaves.Nsm;

/// <summary>Why a request failed. Zero and above are the NSM's own codes, in its order; the negative ones are this library's.</summary>
public enum NsmErrorCode
{
    /// <summary>No error. Never travels as an error.</summary>
    Success = 0,

    /// <summary>An argument is not acceptable.</summary>
    InvalidArgument = 1,

    /// <summary>There is no register of that index (0 to 31), or the range of registers is longer than there are.</summary>
    InvalidIndex = 2,

    /// <summary>The reply is not CBOR of the expected form, or the answer to another request.</summary>
    InvalidResponse = 3,

    /// <summary>The register is locked: it can neither be extended nor locked again.</summary>
    ReadOnlyIndex = 4,

    /// <summary>The NSM does not know the request, or the request is malformed.</summary>
    InvalidOperation = 5,

    /// <summary>The response does not fit into the buffer that was handed in.</summary>
    BufferTooSmall = 6,

    /// <summary>The request is longer than <see cref="NsmLimits.MaxRequestLength"/>.</summary>
    InputTooLarge = 7,

    /// <summary>The NSM failed for a reason of its own.</summary>
    InternalError = 8,

    /// <summary>The NSM reported an error of a name that this library does not know: see <see cref="NsmException.ErrorName"/>.</summary>
    Unknown = -1,

    /// <summary>A register does not hold the value that was predicted for it.</summary>
    PcrMismatch = -2,

    /// <summary>Too many asynchronous requests wait for the NSM already; this one has not been sent.</summary>
    QueueFull = -3,
}
