using System.Security.Cryptography;
using NitroEnclaves.Attestation;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli;

/// <summary>The exit codes of <c>nitro attest</c>: 0 done or verified, 1 refused, 2 misuse, which includes files that cannot be used.</summary>
static class AttestErrors
{
    /// <summary>Runs a command's work, which gives 0 or 1; what it throws becomes one line and 2.</summary>
    public static int Run(Func<int> work)
    {
        try
        {
            return work();
        }
        catch (Exception exception) when (exception is FormatException or ArgumentException or IOException or InvalidDataException
            or UnauthorizedAccessException or CryptographicException or EifException or AttestationException)
        {
            Console.Error.WriteLine($"error: {exception.Message}");
            return ExitCodes.Misuse;
        }
    }
}
