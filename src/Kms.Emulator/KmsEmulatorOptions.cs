using NitroEnclaves.Attestation;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Kms.Emulator;

/// <summary>What a <see cref="KmsEmulator"/> listens at, trusts and keeps.</summary>
public sealed class KmsEmulatorOptions
{
    /// <summary>The roots up to which documents of recipients are verified; at least one.</summary>
    public required IReadOnlyList<AttestationRoot> Roots { get; init; }

    /// <summary>The TCP port on loopback; 0 (the default) takes a free one, null none.</summary>
    public int? HttpPort { get; init; } = 0;

    /// <summary>The vsock port; null (the default) for none.</summary>
    public uint? VsockPort { get; init; }

    /// <summary>How the vsock port is reached; by default from the kernel's vsock.</summary>
    public VsockOptions Vsock { get; init; } = VsockOptions.Default;

    /// <summary>
    /// ARNs of principals by the access key ids with which they sign; others are the account's root. No signature is checked: the emulator
    /// knows nobody's secret.
    /// </summary>
    public IReadOnlyDictionary<string, string> Callers { get; init; } = new Dictionary<string, string>();

    /// <summary>The file where keys are kept (mode 0600); null (the default) for keys that end with the emulator.</summary>
    public string? KeyFile { get; init; }

    /// <summary>
    /// The oldest that a recipient's document may be; five minutes by default. How old it may be for AWS's KMS is not published.
    /// </summary>
    public TimeSpan MaximumDocumentAge { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>The clock; the system's by default.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Told of each request in a line: operation, caller, outcome, and for refusals by policy the condition that was not met.</summary>
    public Action<string>? Log { get; init; }
}
