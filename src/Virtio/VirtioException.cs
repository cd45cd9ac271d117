namespace NitroEnclaves.Virtio;

/// <summary>Guest memory, a ring or a front end's message cannot be accepted.</summary>
public sealed class VirtioException : Exception
{
    /// <summary>Makes the exception.</summary>
    /// <param name="fault">The reason as a value.</param>
    /// <param name="message">The reason for people, with the offending numbers.</param>
    /// <param name="innerException">The system's error, where one caused this.</param>
    public VirtioException(VirtioFault fault, string message, Exception? innerException = null) : base(message, innerException) => Fault = fault;

    /// <summary>The reason as a value.</summary>
    public VirtioFault Fault { get; }
}
