using NitroEnclaves.Attestation;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Hosting;

/// <summary>The rules that only the NSM can tell about, looked at for one check; opens its client when the first of them needs it.</summary>
/// <param name="open">Gives the client.</param>
/// <param name="leaveOpen">Whether the client is somebody else's to dispose of.</param>
/// <param name="clock">The clock that is compared with the NSM's.</param>
sealed class NsmInspection(Func<NsmClient> open, bool leaveOpen, TimeProvider clock) : IDisposable
{
    // A clock that the parent set, or that stood still, is off by more; a slow NSM is allowed for by looking before and after.
    static readonly TimeSpan s_tolerance = TimeSpan.FromSeconds(5);

    NsmClient? _nsm;

    /// <summary>Looks at a rule. An NSM that is not there or does not answer breaks it.</summary>
    public (bool IsMet, string Explanation) Look(EnclaveRule rule)
    {
        try
        {
            _nsm ??= open();
            return rule switch
            {
                EnclaveRule.DebugMode => LookAtRegisters(_nsm),
                EnclaveRule.SystemTime => LookAtTime(_nsm),
                _ => throw new ArgumentOutOfRangeException(nameof(rule), rule, "The NSM does not tell."),
            };
        }
        catch (Exception exception) when (exception is NsmException or IOException or UnauthorizedAccessException or AttestationException)
        {
            return (false, $"The NSM does not tell: {exception.Message}");
        }
    }

    public void Dispose()
    {
        if (!leaveOpen)
        {
            _nsm?.Dispose();
        }
    }

    static (bool, string) LookAtRegisters(NsmClient nsm) => Enumerable.Range(0, 3).Any(index => nsm.DescribePcr(index).Value.IsZero)
        ? (false, "The enclave is in debug mode: its PCR0, 1 and 2 are zero, and its parent reads its console.")
        : (true, "The enclave is not in debug mode.");

    (bool, string) LookAtTime(NsmClient nsm)
    {
        var before = clock.GetUtcNow();
        var told = UnverifiedAttestationDocument.Parse(nsm.GetAttestationDocument()).Timestamp;
        var after = clock.GetUtcNow();
        return before - s_tolerance <= told && told <= after + s_tolerance
            ? (true, "The clock agrees with the NSM's.")
            : (false, $"The clock says {after:u}, the NSM {told:u}: who sets the clock decides which certificates and documents are valid.");
    }
}
