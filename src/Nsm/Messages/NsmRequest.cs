namespace NitroEnclaves.Nsm;

/// <summary>
/// A request to the NSM, as a client writes it (<see cref="Encode"/>) and a module reads it (<see cref="TryDecode"/>).
/// Its spans are the caller's, or lie inside the decoded bytes.
/// </summary>
/// <remarks>
/// <code>
/// "DescribeNSM"   "GetRandom"                        text strings
/// {"DescribePCR": {"index": u16}}                    {"LockPCR":  {"index": u16}}
/// {"ExtendPCR":   {"index": u16, "data": bytes}}     {"LockPCRs": {"range": u16}}
/// {"Attestation": {"user_data": bytes/null, "nonce": bytes/null, "public_key": bytes/null}}
/// </code>
/// </remarks>
public readonly ref partial struct NsmRequest
{
    NsmRequest(NsmOperation operation) => Operation = operation;

    /// <summary>What is asked for.</summary>
    public NsmOperation Operation { get; private init; }

    /// <summary>The register that DescribePCR, ExtendPCR and LockPCR mean, 0 to 65,535: whether it exists is the module's to say.</summary>
    public int Index { get; private init; }

    /// <summary>LockPCRs locks the registers below this number, 0 to 65,535.</summary>
    public int Range { get; private init; }

    /// <summary>What ExtendPCR extends the register by.</summary>
    public ReadOnlySpan<byte> Data { get; private init; }

    /// <summary>What an Attestation request wants to be stated.</summary>
    public AttestationRequest Attestation { get; private init; }

    /// <summary>Asks for the module's id, version and registers.</summary>
    public static NsmRequest DescribeNsm() => new(NsmOperation.DescribeNsm);

    /// <summary>Asks for random bytes.</summary>
    public static NsmRequest GetRandom() => new(NsmOperation.GetRandom);

    /// <summary>Asks for a register's value and lock.</summary>
    /// <param name="index">The register; those of an NSM are 0 to 31, a message can carry 0 to 65,535.</param>
    /// <exception cref="ArgumentOutOfRangeException">No message can carry the index.</exception>
    public static NsmRequest DescribePcr(int index) => new(NsmOperation.DescribePcr) { Index = Checked(index) };

    /// <summary>Asks to extend a register.</summary>
    /// <param name="index">The register, 0 to 65,535.</param>
    /// <param name="data">What to extend it by, possibly empty.</param>
    /// <exception cref="ArgumentOutOfRangeException">No message can carry the index.</exception>
    public static NsmRequest ExtendPcr(int index, ReadOnlySpan<byte> data) =>
        new(NsmOperation.ExtendPcr) { Index = Checked(index), Data = data };

    /// <summary>Asks to lock a register.</summary>
    /// <param name="index">The register, 0 to 65,535.</param>
    /// <exception cref="ArgumentOutOfRangeException">No message can carry the index.</exception>
    public static NsmRequest LockPcr(int index) => new(NsmOperation.LockPcr) { Index = Checked(index) };

    /// <summary>Asks to lock the registers below a number.</summary>
    /// <param name="range">The number of registers from 0 on, 0 to 65,535.</param>
    /// <exception cref="ArgumentOutOfRangeException">No message can carry the range.</exception>
    public static NsmRequest LockPcrs(int range) => new(NsmOperation.LockPcrs) { Range = Checked(range) };

    /// <summary>Asks for a document.</summary>
    /// <param name="request">What it is to state.</param>
    public static NsmRequest ForAttestation(AttestationRequest request) =>
        new(NsmOperation.Attestation) { Attestation = request };

    static int Checked(int number)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(number, ushort.MaxValue);
        return number;
    }
}
