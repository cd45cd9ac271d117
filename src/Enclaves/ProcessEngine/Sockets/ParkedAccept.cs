namespace NitroEnclaves.Enclaves;

/// <summary>An accept of a program that waits for a connection: it occupies no thread of ours.</summary>
/// <param name="Listener">The filter under which the call was made.</param>
/// <param name="Call">The call.</param>
/// <param name="Flags">The flags of accept4.</param>
/// <param name="Deadline">When SO_RCVTIMEO ends it, as a count of milliseconds; null for never.</param>
sealed record ParkedAccept(CallListener Listener, InterceptedCall Call, int Flags, long? Deadline);
