using System.Security.Cryptography;

namespace NitroEnclaves.Nsm;

/// <summary>
/// The NSM's random number generator as a .NET one. Every 256 bytes are a request to the device. For ordinary use
/// <see cref="RandomNumberGenerator"/>'s own methods are as good once the kernel feeds on the NSM (<c>rng_current</c> is
/// <c>nsm-hwrng</c>), and far faster.
/// </summary>
/// <param name="client">Whom to ask; it is not disposed of.</param>
public sealed class NsmRandom(NsmClient client) : RandomNumberGenerator
{
    const int MaxFruitlessRounds = 32;

    readonly NsmClient _client = client ?? throw new ArgumentNullException(nameof(client));

    /// <inheritdoc/>
    /// <exception cref="NsmException">The NSM refuses, or its reply makes no sense.</exception>
    public override void GetBytes(byte[] data)
    {
        ArgumentNullException.ThrowIfNull(data);
        _client.GetRandom(data);
    }

    /// <inheritdoc/>
    /// <exception cref="NsmException">The NSM refuses, or its reply makes no sense.</exception>
    public override void GetBytes(Span<byte> data) => _client.GetRandom(data);

    /// <inheritdoc/>
    /// <exception cref="NsmException">The NSM refuses, or its reply makes no sense.</exception>
    public override void GetNonZeroBytes(byte[] data)
    {
        ArgumentNullException.ThrowIfNull(data);
        GetNonZeroBytes(data.AsSpan());
    }

    /// <inheritdoc/>
    /// <exception cref="NsmException">The NSM refuses, or its reply makes no sense.</exception>
    public override void GetNonZeroBytes(Span<byte> data)
    {
        // Zeros are dropped, the rest moves up, and what is then missing at the end is asked for again.
        for (var fruitless = 0; !data.IsEmpty;)
        {
            _client.GetRandom(data);
            var kept = 0;
            foreach (var value in data)
            {
                if (value != 0)
                {
                    data[kept++] = value;
                }
            }

            // A sound generator fails to give a single byte other than zero once in 256 rounds, at worst.
            fruitless = kept == 0 ? fruitless + 1 : 0;
            if (fruitless == MaxFruitlessRounds)
            {
                throw new NsmException(NsmErrorCode.InvalidResponse, "The NSM gives nothing but zeros for random bytes.");
            }

            data = data[kept..];
        }
    }
}
