namespace NitroEnclaves.Proxy;

/// <summary>What became of an attempt to reach a server.</summary>
enum ServerDialOutcome
{
    /// <summary>It answers.</summary>
    Connected,

    /// <summary>It is not on the allowlist.</summary>
    NotAllowed,

    /// <summary>It has no address, or answers at none that is allowed.</summary>
    Unreachable,

    /// <summary>It did not answer in time.</summary>
    TimedOut,
}
