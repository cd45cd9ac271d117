using System.Security.Cryptography;

namespace NitroEnclaves.Images;

/// <summary>Computes PCR0, PCR1 and PCR2 from the data of the measured sections in file order, in one pass.</summary>
/// <remarks>
/// PCR1's input is a prefix of PCR0's as long as no kernel or command line follows the second ramdisk, which strict reading and
/// our writer guarantee; its value is then taken from PCR0's state on the way. Files in another order (read leniently) get a
/// hash of its own from that point on.
/// </remarks>
sealed class EifMeasurer : IDisposable
{
    readonly IncrementalHash _all = IncrementalHash.CreateHash(HashAlgorithmName.SHA384);
    readonly IncrementalHash _application = IncrementalHash.CreateHash(HashAlgorithmName.SHA384);
    IncrementalHash? _boot;
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
                _bootDigest = _all.GetCurrentHash();
            }
        }
    }

    /// <summary>Measures data of the section announced last.</summary>
    public void Append(ReadOnlySpan<byte> data)
    {
        if (_section is not (EifSectionType.Kernel or EifSectionType.CommandLine or EifSectionType.Ramdisk))
        {
            return;
        }

        _all.AppendData(data);
        if (_section == EifSectionType.Ramdisk && _ramdisks > 1)
        {
            _application.AppendData(data);
        }
        else
        {
            _boot?.AppendData(data);
        }
    }

    /// <summary>The measurements of everything so far.</summary>
    /// <param name="pcr8">Of the certificate, for a signed image.</param>
    public EifMeasurements Finish(PcrValue? pcr8 = null)
    {
        byte[] all = _all.GetCurrentHash();
        byte[] boot = _boot?.GetCurrentHash() ?? _bootDigest ?? all;
        return new EifMeasurements(PcrValue.FromDigest(all), PcrValue.FromDigest(boot), PcrValue.FromDigest(_application.GetCurrentHash()), pcr8);
    }

    public void Dispose()
    {
        _all.Dispose();
        _application.Dispose();
        _boot?.Dispose();
    }
}
