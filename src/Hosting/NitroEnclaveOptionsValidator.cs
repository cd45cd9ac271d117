using Microsoft.Extensions.Options;

namespace NitroEnclaves.Hosting;

/// <summary>Refuses options that cannot be meant, before the service starts.</summary>
sealed class NitroEnclaveOptionsValidator : IValidateOptions<NitroEnclaveOptions>
{
    public ValidateOptionsResult Validate(string? name, NitroEnclaveOptions options) =>
        !Path.IsPathFullyQualified(options.NsmPath ?? "")
            ? ValidateOptionsResult.Fail($"NsmPath is '{options.NsmPath}', not the absolute path of the NSM's device.")
            : options.CertificateRenewal <= TimeSpan.Zero || options.CertificateRenewal > AttestedCertificateSource.MaximumRenewal
                ? ValidateOptionsResult.Fail(
                    $"CertificateRenewal is {options.CertificateRenewal}, not above zero and at most {AttestedCertificateSource.MaximumRenewal}.")
                : ValidateOptionsResult.Success;
}
