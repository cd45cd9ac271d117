namespace NitroEnclaves.Enclaves;

/// <summary>After which ends an enclave is started again.</summary>
public enum RestartMode
{
    /// <summary>After none.</summary>
    No,

    /// <summary>
    /// After every end but exit status 0 and a termination from outside. An end of unknown status counts as a failure: AWS's init reports none,
    /// and what runs in an enclave is mostly a service, which is not meant to end.
    /// </summary>
    OnFailure,

    /// <summary>After every end but a termination from outside.</summary>
    Always,
}
