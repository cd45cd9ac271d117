using NitroEnclaves.Nsm;

namespace NitroEnclaves.Images;

/// <summary>
/// Computes PCR0, PCR1 and PCR2 from the data of the measured sections in file order, in one pass: PCR0 on one thread, PCR2 on
/// another.
/// </summary>
/// <remarks>
/// PCR1's input is a prefix of PCR0's as long as no kernel or command line follows the second ramdisk, which strict reading and
/// our writer guarantee; its value is then taken from PCR0's state on the way. Files in another order (read leniently) get a
/// hash of its own from that point on.
/// </remarks>
sealed class EifMeasurer : IDisposable
{
    readonly HashLane _all = new();
    readonly HashLane _application = new();
    HashLane? _boot;
    byte[]? _bootDigest;
    int _ramdisks;
    EifSectionType _section;

    /// <summary>Announces the section that the next data belongs to.</summary>
    /// <param name="type">The section's type; only kernel, command line and ramdisks are measured.</param>
    /// <param name="bootSectionsFollow">True where a kernel or command line will come after the second ramdisk.</param>
    public void Begin(EifSectionType type, bool bootSectionsFollow = false)
    {
        _section = type;
        if (type == EifSectionType.Ramdisk && ++_ramdisks == 2)
        {
            if (bootSectionsFollow)
            {
                _boot = _all.Clone();
            }
            else
            {
                _bootDigest = _all.GetDigest();
            }
        }
    }

    /// <summary>Measures a chunk of the section announced last; the chunk is held until its hashes are done.</summary>
    public void Append(Chunk chunk)
    {
        if (_section is not (EifSectionType.Kernel or EifSectionType.CommandLine or EifSectionType.Ramdisk))
        {
            return;
        }

        _all.Append(chunk);
        if (_section == EifSectionType.Ramdisk && _ramdisks > 1)
        {
            _application.Append(chunk);
        }
        else
        {
            _boot?.Append(chunk);
        }
    }

    /// <summary>The measurements of everything so far.</summary>
    /// <param name="pcr8">Of the certificate, for a signed image.</param>
    public EifMeasurements Finish(PcrValue? pcr8 = null)
    {
        byte[] all = _all.GetDigest();
        byte[] boot = _boot?.GetDigest() ?? _bootDigest ?? all;
        return new EifMeasurements(PcrValue.Zero.Extend(all), PcrValue.Zero.Extend(boot), PcrValue.Zero.Extend(_application.GetDigest()),
            pcr8);
    }

    public void Dispose()
    {
        _all.Dispose();
        _application.Dispose();
        _boot?.Dispose();
    }
}
