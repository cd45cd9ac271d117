using System.Security.Cryptography.X509Certificates;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Hosting;

/// <summary>
/// Keeps an <see cref="AttestedCertificate"/> fresh for a server: clients refuse documents that are old. Safe for use from several threads.
/// </summary>
public sealed class AttestedCertificateSource : IDisposable
{
    /// <summary>How old a document becomes before a new key and document take its place, unless told otherwise.</summary>
    public static readonly TimeSpan DefaultRenewal = TimeSpan.FromMinutes(30);

    /// <summary>The longest time that a certificate may be served; its document lives for three hours.</summary>
    public static readonly TimeSpan MaximumRenewal = TimeSpan.FromHours(2);

    static readonly TimeSpan s_retry = TimeSpan.FromMinutes(1);

    readonly NsmClient _nsm;
    readonly TimeSpan _renewal;
    readonly TimeProvider _time;
    readonly Lock _lock = new();
    // Handshakes under way use the one before.
    X509Certificate2 _current;
    X509Certificate2? _previous;
    DateTimeOffset _renewAt;
    Task? _renewing;
    bool _disposed;

    /// <summary>Makes the first certificate. Blocks for as long as the NSM takes.</summary>
    /// <param name="nsm">Whom to ask for documents; it is not disposed of.</param>
    /// <param name="renewal">How old a document becomes, above zero and up to <see cref="MaximumRenewal"/>; null for <see cref="DefaultRenewal"/>.</param>
    /// <param name="timeProvider">The clock; null for the system's.</param>
    /// <exception cref="NsmException">The NSM refuses.</exception>
    public AttestedCertificateSource(NsmClient nsm, TimeSpan? renewal = null, TimeProvider? timeProvider = null)
    {
        ArgumentNullException.ThrowIfNull(nsm);
        (_nsm, _renewal, _time) = (nsm, renewal ?? DefaultRenewal, timeProvider ?? TimeProvider.System);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(_renewal, TimeSpan.Zero, nameof(renewal));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(_renewal, MaximumRenewal, nameof(renewal));
        _current = AttestedCertificate.Create(nsm, _time);
        _renewAt = _time.GetUtcNow() + _renewal;
    }

    /// <summary>
    /// The certificate to serve now. Where it is due for renewal a new one is made beside, and this one served until then: a handshake never
    /// waits for the NSM. If the NSM refuses, it is asked again a minute later.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The source was disposed of.</exception>
    public X509Certificate2 Current
    {
        get
        {
            lock (_lock)
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                if (_time.GetUtcNow() >= _renewAt && _renewing is not { IsCompleted: false })
                {
                    _renewing = Task.Run(Renew);
                }

                return _current;
            }
        }
    }

    /// <summary>Removes the keys.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            _current.Dispose();
            _previous?.Dispose();
        }
    }

    /// <summary>The renewal under way, for tests.</summary>
    internal Task Renewing
    {
        get
        {
            lock (_lock)
            {
                return _renewing ?? Task.CompletedTask;
            }
        }
    }

    void Renew()
    {
        X509Certificate2 next;
        try
        {
            next = AttestedCertificate.Create(_nsm, _time);
        }
        catch (Exception exception) when (exception is NsmException or IOException or ObjectDisposedException)
        {
            lock (_lock)
            {
                _renewAt = _time.GetUtcNow() + s_retry;
            }

            return;
        }

        lock (_lock)
        {
            if (_disposed)
            {
                next.Dispose();
                return;
            }

            _previous?.Dispose();
            (_previous, _current) = (_current, next);
            _renewAt = _time.GetUtcNow() + _renewal;
        }
    }
}
