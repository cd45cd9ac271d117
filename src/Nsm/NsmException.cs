namespace NitroEnclaves.Nsm;

/// <summary>
/// The NSM refused a request, or its reply cannot be relied upon. Failures of the device file itself are
/// <see cref="IOException"/>s.
/// </summary>
public sealed class NsmException : Exception
{
    /// <summary>An error of a known code.</summary>
    /// <param name="code">Why the request failed.</param>
    /// <param name="message">What failed, for people.</param>
    /// <param name="innerException">What caused it, if anything did.</param>
    public NsmException(NsmErrorCode code, string message, Exception? innerException = null)
        : base(message, innerException)
    {
        Code = code;
        ErrorName = code.ToString();
    }

    /// <summary>An error that the NSM reported by a name.</summary>
    /// <param name="code">The code of that name, <see cref="NsmErrorCode.Unknown"/> where it has none.</param>
    /// <param name="errorName">The name as the NSM sent it.</param>
    /// <param name="message">What failed, for people.</param>
    public NsmException(NsmErrorCode code, string errorName, string message)
        : base(message)
    {
        Code = code;
        ErrorName = errorName;
    }

    /// <summary>Why the request failed.</summary>
    public NsmErrorCode Code { get; }

    /// <summary>The error's name as the NSM sent it, else the name of <see cref="Code"/>.</summary>
    public string ErrorName { get; }
}
