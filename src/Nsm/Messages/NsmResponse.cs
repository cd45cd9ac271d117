using System.Text;

namespace NitroEnclaves.Nsm;

/// <summary>
/// A response of the NSM, as a module writes it (<see cref="TryEncode"/>) and a client reads it (<see cref="TryDecode"/>).
/// Its spans are the caller's, or lie inside the decoded bytes.
/// </summary>
/// <remarks>
/// <code>
/// {"DescribeNSM": {version_major, version_minor, version_patch: u16, module_id: text, max_pcrs: u16, locked_pcrs: [u16], digest: text}}
/// {"DescribePCR": {"lock": bool, "data": bytes}}     {"ExtendPCR": {"data": bytes}}     "LockPCR"     "LockPCRs"
/// {"Attestation": {"document": bytes}}               {"GetRandom": {"random": bytes}}   {"Error": text}
/// </code>
/// </remarks>
public readonly ref partial struct NsmResponse
{
    NsmResponse(NsmOperation operation) => Operation = operation;

    /// <summary>What is answered; of no meaning where <see cref="IsError"/>.</summary>
    public NsmOperation Operation { get; private init; }

    /// <summary>Whether the request was refused.</summary>
    public bool IsError => !ErrorName.IsEmpty;

    /// <summary>Why it was, <see cref="NsmErrorCode.Unknown"/> for a name this library does not know.</summary>
    public NsmErrorCode ErrorCode => NsmNames.ParseError(ErrorName);

    /// <summary>The error's name as UTF-8; empty where there is none.</summary>
    public ReadOnlySpan<byte> ErrorName { get; private init; }

    /// <summary>The random bytes, the document, or the register's value, by <see cref="Operation"/>; else empty.</summary>
    public ReadOnlySpan<byte> Data { get; private init; }

    /// <summary>Whether the register that a DescribePCR response describes is locked.</summary>
    public bool IsLocked { get; private init; }

    /// <summary>What the module says about itself, in a DescribeNSM response; else null.</summary>
    public NsmDescription? Description { get; private init; }

    /// <summary>Answers DescribeNSM.</summary>
    /// <param name="description">What the module says about itself.</param>
    /// <exception cref="ArgumentException">A number is out of range, or the locked registers do not ascend.</exception>
    public static NsmResponse DescribeNsm(NsmDescription description)
    {
        ArgumentNullException.ThrowIfNull(description);
        if (!description.IsConsistent)
        {
            throw new ArgumentException("No module describes itself like this.", nameof(description));
        }

        return new(NsmOperation.DescribeNsm) { Description = description };
    }

    /// <summary>Answers GetRandom.</summary>
    /// <param name="random">The bytes. Linux takes no response of fewer than 24; hardware gives <see cref="NsmLimits.RandomLength"/>.</param>
    public static NsmResponse GetRandom(ReadOnlySpan<byte> random) => new(NsmOperation.GetRandom) { Data = random };

    /// <summary>Answers DescribePCR.</summary>
    /// <param name="value">The register's value.</param>
    /// <param name="isLocked">Whether it is locked.</param>
    public static NsmResponse DescribePcr(ReadOnlySpan<byte> value, bool isLocked) =>
        new(NsmOperation.DescribePcr) { Data = value, IsLocked = isLocked };

    /// <summary>Answers ExtendPCR.</summary>
    /// <param name="value">The register's new value.</param>
    public static NsmResponse ExtendPcr(ReadOnlySpan<byte> value) => new(NsmOperation.ExtendPcr) { Data = value };

    /// <summary>Answers LockPCR.</summary>
    public static NsmResponse LockPcr() => new(NsmOperation.LockPcr);

    /// <summary>Answers LockPCRs.</summary>
    public static NsmResponse LockPcrs() => new(NsmOperation.LockPcrs);

    /// <summary>Answers Attestation.</summary>
    /// <param name="document">The signed document.</param>
    public static NsmResponse Attestation(ReadOnlySpan<byte> document) => new(NsmOperation.Attestation) { Data = document };

    /// <summary>Refuses a request.</summary>
    /// <param name="code">Why: one of the NSM's own codes, 0 to 8.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="code"/> is this library's own.</exception>
    public static NsmResponse Error(NsmErrorCode code) => new(default) { ErrorName = NsmNames.Of(code) };

    /// <summary>A short text for logs, without any content.</summary>
    public override string ToString() =>
        IsError ? $"Error {Encoding.UTF8.GetString(ErrorName)}" : Encoding.UTF8.GetString(NsmNames.Of(Operation));
}
