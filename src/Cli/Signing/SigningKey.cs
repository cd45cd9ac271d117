using NitroEnclaves.Images;

namespace NitroEnclaves.Cli.Signing;

/// <summary>Opens what the command line names as a signer: a certificate's file, and a key that is a file or in AWS KMS.</summary>
static class SigningKey
{
    /// <summary>A signer; certificate, key and dates are checked here, before anything is written.</summary>
    /// <param name="certificatePath">The certificate's PEM file, possibly a chain.</param>
    /// <param name="key">The key's PEM file, or the ARN of a KMS key.</param>
    /// <exception cref="CommandFailure">A file cannot be read.</exception>
    /// <exception cref="EifSigningException">Key and certificate cannot sign.</exception>
    public static EifSigner Open(string certificatePath, string key)
    {
        var certificate = ReadCertificate(certificatePath);
        return KmsKeyArn.TryParse(key, out var arn)
            ? KmsSigningKey.OpenSigner(certificate, arn)
            : OpenFile(certificate, key);
    }

    /// <summary>A certificate's file.</summary>
    /// <exception cref="CommandFailure">It cannot be read.</exception>
    public static byte[] ReadCertificate(string path) => Read(path, "certificate", File.ReadAllBytes);

    static EifSigner OpenFile(byte[] certificate, string path)
    {
        var pem = Read(path, "private key", File.ReadAllText);
        try
        {
            return EifSigner.FromPem(certificate, pem);
        }
        catch (EifSigningException exception) when (exception.Reason == EifSigningError.PasswordRequired)
        {
            return EifSigner.FromPem(certificate, pem, PasswordPrompt.Ask(path));
        }
    }

    static T Read<T>(string path, string what, Func<string, T> read)
    {
        try
        {
            return read(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(60, $"The {what} {path} cannot be read: {exception.Message}");
        }
    }
}
