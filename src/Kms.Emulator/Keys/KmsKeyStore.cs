using System.Collections.Concurrent;

namespace NitroEnclaves.Kms.Emulator;

/// <summary>The emulator's keys: in memory, and in a file where one was asked for.</summary>
sealed class KmsKeyStore
{
    readonly ConcurrentDictionary<Guid, KmsKey> _keys = new();
    readonly Lock _writing = new();
    readonly KmsKeyFile? _file;

    /// <summary>Opens the store.</summary>
    /// <param name="path">The file; null for keys that end with the emulator.</param>
    /// <exception cref="InvalidDataException">The file has something else.</exception>
    /// <exception cref="UnauthorizedAccessException">Others can read the file.</exception>
    internal KmsKeyStore(string? path)
    {
        _file = path is null ? null : new KmsKeyFile(path);
        foreach (var key in _file?.Read() ?? [])
        {
            _keys[key.Id] = key;
        }
    }

    /// <summary>All keys, oldest first.</summary>
    internal IReadOnlyList<KmsKey> All => [.. _keys.Values.OrderBy(key => key.Created).ThenBy(key => key.Id)];

    /// <summary>Keeps a new key.</summary>
    internal void Add(KmsKey key)
    {
        lock (_writing)
        {
            // Kept before it is known: whoever is told of a key finds it again.
            _file?.Write([.. All, key]);
            _keys[key.Id] = key;
        }
    }

    /// <summary>Finds a key; null where there is none.</summary>
    internal KmsKey? Find(Guid id) => _keys.GetValueOrDefault(id);
}
