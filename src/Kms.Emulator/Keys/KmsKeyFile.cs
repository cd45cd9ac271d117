using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace NitroEnclaves.Kms.Emulator;

/// <summary>Keys in a JSON file, for its owner alone (mode 0600), replaced as a whole.</summary>
sealed partial class KmsKeyFile(string path)
{
    const int MaximumLength = 16 * 1024 * 1024;
    const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    const UnixFileMode OthersMode = (UnixFileMode)0b000_111_111;

    /// <summary>Reads the keys; none where there is no file yet.</summary>
    /// <exception cref="InvalidDataException">The file has something else.</exception>
    /// <exception cref="UnauthorizedAccessException">Others can read the file.</exception>
    internal IReadOnlyList<KmsKey> Read()
    {
        try
        {
            using var file = File.OpenRead(path);
            if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(file.SafeFileHandle) & OthersMode) != 0)
            {
                throw new UnauthorizedAccessException($"{path} is open to others than its owner; keys must not be. chmod 600 it, or use another.");
            }

            if (file.Length > MaximumLength)
            {
                throw new InvalidDataException($"{path} is too long for a file of keys.");
            }

            return [.. (JsonSerializer.Deserialize(file, KeyFileContext.Default.KeyRecordArray) ?? []).Select(ToKey)];
        }
        catch (FileNotFoundException)
        {
            return [];
        }
        catch (Exception exception) when (exception is JsonException or KmsErrorException or FormatException)
        {
            throw new InvalidDataException($"{path} is not a file of keys of this emulator: {exception.Message}", exception);
        }
    }

    /// <summary>Writes the keys in place of those that are there.</summary>
    internal void Write(IEnumerable<KmsKey> keys)
    {
        var temporary = $"{path}.{RandomNumberGenerator.GetHexString(16, lowercase: true)}.tmp";
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = Mode;
        }

        try
        {
            using (var file = new FileStream(temporary, options))
            {
                JsonSerializer.Serialize(file, [.. keys.Select(ToRecord)], KeyFileContext.Default.KeyRecordArray);
                file.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    static KmsKey ToKey(KeyRecord? record) => record is null ? throw new FormatException("A key is null.") : new KmsKey
    {
        Id = record.Id,
        Spec = record.Spec,
        Usage = record.Usage,
        Description = record.Description,
        Created = record.Created,
        PolicyText = record.Policy,
        Policy = KeyPolicyReader.Read(record.Policy),
        Material = record.Material,
    };

    static KeyRecord ToRecord(KmsKey key) => new(key.Id, key.Spec, key.Usage, key.Description, key.Created, key.PolicyText, key.Material);

    sealed record KeyRecord(Guid Id, string Spec, string Usage, string Description, DateTimeOffset Created, string Policy, byte[] Material);

    [JsonSourceGenerationOptions(
        WriteIndented = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true)]
    [JsonSerializable(typeof(KeyRecord[]))]
    sealed partial class KeyFileContext : JsonSerializerContext;
}
