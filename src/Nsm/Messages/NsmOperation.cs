namespace NitroEnclaves.Nsm;

/// <summary>What an NSM can be asked for.</summary>
public enum NsmOperation
{
    /// <summary>The module's id, version and registers.</summary>
    DescribeNsm,

    /// <summary>Random bytes.</summary>
    GetRandom,

    /// <summary>A register's value and lock.</summary>
    DescribePcr,

    /// <summary>Extends a register.</summary>
    ExtendPcr,

    /// <summary>Locks a register.</summary>
    LockPcr,

    /// <summary>Locks the registers below a number.</summary>
    LockPcrs,

    /// <summary>A signed attestation document.</summary>
    Attestation,
}
