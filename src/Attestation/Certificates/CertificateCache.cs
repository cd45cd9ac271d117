using System.Collections.Concurrent;

namespace NitroEnclaves.Attestation;

/// <summary>
/// Links below roots that were verified before. Only what a trusted root's key has certified gets in, so that no stranger can fill it;
/// beyond its capacity, expired links go first, then all.
/// </summary>
sealed class CertificateCache(int capacity)
{
    readonly ConcurrentDictionary<Key, ChainLink> _links = new();

    /// <summary>Finds the link of a certificate below the given issuer.</summary>
    internal ChainLink? Find(ChainLink issuer, ReadOnlySpan<byte> der, out CertificateFingerprint fingerprint)
    {
        fingerprint = CertificateFingerprint.Of(der);
        return _links.GetValueOrDefault(new Key(issuer, fingerprint));
    }

    /// <summary>Keeps a link; of two for the same certificate the first stays, as links below refer to it.</summary>
    internal ChainLink Add(ChainLink link, CertificateFingerprint fingerprint, DateTimeOffset now)
    {
        if (capacity == 0)
        {
            return link;
        }

        if (_links.Count >= capacity)
        {
            MakeRoom(now);
        }

        return _links.GetOrAdd(new Key(link.Issuer!, fingerprint), link);
    }

    void MakeRoom(DateTimeOffset now)
    {
        foreach (var (key, link) in _links)
        {
            if (link.Certificate.NotAfter < now)
            {
                _links.TryRemove(key, out _);
            }
        }

        if (_links.Count >= capacity)
        {
            _links.Clear();
        }
    }

    /// <summary>The same certificate below another issuer is another link.</summary>
    readonly record struct Key(ChainLink Issuer, CertificateFingerprint Fingerprint);
}
