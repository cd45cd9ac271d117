using System.Collections.Immutable;
using System.Security.Cryptography;

namespace NitroEnclaves.Nsm;

/// <summary>What a software NSM is made of. Time and randomness come from here, so that a test can hold both still.</summary>
public sealed class NsmModuleOptions
{
    /// <summary>The module's name, of the form <c>i-&lt;17 hex&gt;-enc&lt;16 hex&gt;</c> on hardware. 1 to 128 characters of ASCII.</summary>
    public required string ModuleId { get; init; }

    /// <summary>Signs the documents. Called from every thread that hands in a request.</summary>
    public required IDocumentSigner Signer { get; init; }

    /// <summary>
    /// The registers' values at boot, zero for those left out. Registers 0 to 15 are locked once they are set. In debug mode
    /// whoever computes the values leaves out 0, 1, 2 and 8.
    /// </summary>
    public IReadOnlyDictionary<int, PcrValue> Pcrs { get; init; } = ImmutableDictionary<int, PcrValue>.Empty;

    /// <summary>The clock that stamps documents.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Where GetRandom's bytes come from. The module does not dispose of it.</summary>
    public RandomNumberGenerator Random { get; init; } = RandomNumberGenerator.Create();

    /// <summary>In which order responses carry their keys.</summary>
    public NsmKeyOrder KeyOrder { get; init; }

    /// <summary>
    /// Told about an exception of <see cref="Signer"/>, which the guest sees as <see cref="NsmErrorCode.InternalError"/>.
    /// </summary>
    public Action<Exception>? SigningFailed { get; init; }
}
