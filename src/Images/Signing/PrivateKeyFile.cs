using System.Security.Cryptography;
using NitroEnclaves.Cose;

namespace NitroEnclaves.Images;

/// <summary>
/// Reads private keys from PEM: SEC1 ("EC PRIVATE KEY"), PKCS#8 ("PRIVATE KEY"), encrypted PKCS#8 ("ENCRYPTED PRIVATE KEY").
/// </summary>
static class PrivateKeyFile
{
    /// <summary>Opens the key; the caller disposes of it.</summary>
    /// <exception cref="EifSigningException">There is none, it is of another kind, or the password does not open it.</exception>
    public static ECDsa Open(ReadOnlySpan<char> pem, ReadOnlySpan<char> password)
    {
        bool encrypted = FindLabel(pem, "ENCRYPTED PRIVATE KEY");
        if (encrypted && password.IsEmpty)
        {
            throw new EifSigningException(EifSigningError.PasswordRequired, "The private key is encrypted; its password is needed.");
        }

        var key = ECDsa.Create();
        try
        {
            if (encrypted)
            {
                key.ImportFromEncryptedPem(pem, password);
            }
            else
            {
                key.ImportFromPem(pem);
            }

            return key.GetCoseAlgorithm() is not null ? key : throw Unsupported(null);
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException)
        {
            key.Dispose();
            throw Explain(pem, password, encrypted, e);
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    static EifSigningException Explain(ReadOnlySpan<char> pem, ReadOnlySpan<char> password, bool encrypted, Exception e)
    {
        if (IsRsa(pem, password, encrypted))
        {
            return Unsupported(e);
        }

        return encrypted
            ? new EifSigningException(EifSigningError.WrongPassword, "The private key does not open with this password.", e)
            : new EifSigningException(EifSigningError.KeyUnreadable, "There is no readable private key in the file (PEM: SEC1 or PKCS#8).",
                e);
    }

    static bool IsRsa(ReadOnlySpan<char> pem, ReadOnlySpan<char> password, bool encrypted)
    {
        using var rsa = RSA.Create();
        try
        {
            if (encrypted)
            {
                rsa.ImportFromEncryptedPem(pem, password);
            }
            else
            {
                rsa.ImportFromPem(pem);
            }

            return true;
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException)
        {
            return false;
        }
    }

    static bool FindLabel(ReadOnlySpan<char> pem, string label)
    {
        while (PemEncoding.TryFind(pem, out var fields))
        {
            if (pem[fields.Label].SequenceEqual(label))
            {
                return true;
            }

            pem = pem[fields.Location.End..];
        }

        return false;
    }

    static EifSigningException Unsupported(Exception? e) =>
        new(EifSigningError.UnsupportedKey, "The private key is not on P-256, P-384 or P-521; images are signed with ECDSA only.", e);
}
