using System.Security.Cryptography;
using System.Text;

namespace NitroEnclaves.Attestation;

/// <summary>
/// The folder of an authority: one PEM file per certificate, with its key, for the owner alone (folder 0700, files 0600).
/// </summary>
/// <remarks>
/// Several processes may open and create an authority at once. Each file appears whole, under its name, or not at all:
/// written under another name first, then linked (the root, where the first to come wins) or renamed over (the renewed ones, where any
/// will do).
/// </remarks>
sealed class AuthorityFolder
{
    const UnixFileMode FolderMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    const UnixFileMode OthersMode = (UnixFileMode)0b000_111_111;
    const int MaximumFileLength = 16 * 1024;

    readonly string _path;

    /// <summary>Opens the folder, creating it where it is not there.</summary>
    /// <exception cref="UnauthorizedAccessException">Others can enter it.</exception>
    internal AuthorityFolder(string path)
    {
        _path = path;
        if (OperatingSystem.IsWindows())
        {
            // No modes there: the profile's folder, where the default is, belongs to its user.
            Directory.CreateDirectory(path);
            return;
        }

        Directory.CreateDirectory(path, FolderMode);
        RefuseOthers(path, File.GetUnixFileMode(path));
    }

    /// <summary>Reads a certificate and its key; null where there is no such file.</summary>
    /// <exception cref="InvalidDataException">The file has something else.</exception>
    /// <exception cref="UnauthorizedAccessException">Others can read the file.</exception>
    internal CertifiedKey? TryRead(string name)
    {
        var path = Path.Combine(_path, name);
        string pem;
        try
        {
            using var file = File.OpenRead(path);
            if (!OperatingSystem.IsWindows())
            {
                RefuseOthers(path, File.GetUnixFileMode(file.SafeFileHandle));
            }

            if (file.Length > MaximumFileLength)
            {
                throw new InvalidDataException($"{path} is too long for a certificate and its key.");
            }

            using var reader = new StreamReader(file, Encoding.ASCII);
            pem = reader.ReadToEnd();
        }
        catch (FileNotFoundException)
        {
            return null;
        }

        return Parse(pem, path);
    }

    /// <summary>Writes a file that must not change once it is there.</summary>
    /// <returns>Whether it was written; false where there is one already.</returns>
    internal bool TryCreate(string name, CertifiedKey certified)
    {
        var temporary = WriteTemporary(certified);
        try
        {
            return TryLink(temporary, Path.Combine(_path, name));
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    // File.Move alone would not do: on Unix it looks whether the name is free and then renames, which replaces what came in between.
    static bool TryLink(string temporary, string path)
    {
        if (!OperatingSystem.IsWindows() && Interop.link(temporary, path) == 0)
        {
            return true;
        }

        try
        {
            // Windows, and file systems without links.
            File.Move(temporary, path, overwrite: false);
            return true;
        }
        catch (IOException) when (File.Exists(path))
        {
            return false;
        }
    }

    /// <summary>Writes a file in place of the one that may be there.</summary>
    internal void Replace(string name, CertifiedKey certified) =>
        File.Move(WriteTemporary(certified), Path.Combine(_path, name), overwrite: true);

    string WriteTemporary(CertifiedKey certified)
    {
        var path = Path.Combine(_path, $".{RandomNumberGenerator.GetHexString(16, lowercase: true)}.tmp");
        var options = new FileStreamOptions { Mode = System.IO.FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = FileMode;
        }

        using var file = new FileStream(path, options);
        file.Write(Encoding.ASCII.GetBytes(PemEncoding.WriteString("CERTIFICATE", certified.Certificate) + "\n"));
        file.Write(Encoding.ASCII.GetBytes(certified.Key.ExportPkcs8PrivateKeyPem() + "\n"));
        file.Flush(flushToDisk: true);
        return path;
    }

    static CertifiedKey Parse(string pem, string path)
    {
        var key = ECDsa.Create();
        try
        {
            if (!PemEncoding.TryFind(pem, out var fields) || pem.AsSpan()[fields.Label] is not "CERTIFICATE")
            {
                throw new InvalidDataException($"{path} does not begin with a certificate.");
            }

            var certificate = Convert.FromBase64String(pem[fields.Base64Data]);
            key.ImportFromPem(pem.AsSpan()[fields.Location.End..]);
            var certified = new CertifiedKey(certificate, key);
            return certified.HasOwnKey() ? certified : throw new InvalidDataException($"{path} has a key of another certificate.");
        }
        catch (Exception exception)
            when (exception is CryptographicException or ArgumentException or FormatException or AttestationException)
        {
            key.Dispose();
            throw new InvalidDataException($"{path} is not a certificate with its key.", exception);
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    static void RefuseOthers(string path, UnixFileMode mode)
    {
        if ((mode & OthersMode) != 0)
        {
            throw new UnauthorizedAccessException(
                $"{path} is open to others than its owner (mode {Convert.ToString((int)mode, 8)}); keys must not be.");
        }
    }
}
