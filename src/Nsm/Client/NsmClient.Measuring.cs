namespace NitroEnclaves.Nsm;

public sealed partial class NsmClient
{
    /// <summary>
    /// Measures a content, such as the enclave's configuration, into a register of its own and locks it, so that every later
    /// document states it. The register then holds <see cref="PcrValue.OfContent(ReadOnlySpan{byte})"/> of the content, which is also what
    /// <c>nitro-cli pcr --input</c> prints for a file of it: a verifier can predict it.
    /// </summary>
    /// <remarks>
    /// Fails closed: the value is compared with the prediction when it is extended, and again once it is locked. Can be repeated:
    /// a register that holds the predicted value already, locked or not yet, is as good as a new one.
    /// </remarks>
    /// <param name="index">The register, 16 to 31, still zero.</param>
    /// <param name="content">The content, of any length.</param>
    /// <returns>The register's value.</returns>
    /// <exception cref="NsmException">
    /// <see cref="NsmErrorCode.PcrMismatch"/>: the register holds something else, before or after; or the NSM refuses a step.
    /// </exception>
    public PcrValue MeasureAndLock(int index, ReadOnlySpan<byte> content)
    {
        var measurement = new PcrMeasurement(index, content);
        var register = DescribePcr(index);
        if (measurement.NeedsExtension(register))
        {
            measurement.Verify(ExtendPcr(index, measurement.Digest));
        }

        if (!register.IsLocked)
        {
            LockPcr(index);
        }

        return measurement.Verify(DescribePcr(index));
    }

    /// <summary>Does what <see cref="MeasureAndLock"/> does, without blocking the caller.</summary>
    /// <param name="index">The register, 16 to 31, still zero.</param>
    /// <param name="content">The content, of any length. It is hashed before this method returns.</param>
    /// <param name="cancellationToken">Abandons the wait, with the register in whatever state it has reached: repeat the call to go on.</param>
    /// <returns>The register's value.</returns>
    /// <exception cref="NsmException">
    /// <see cref="NsmErrorCode.PcrMismatch"/>: the register holds something else, before or after; or the NSM refuses a step.
    /// </exception>
    public Task<PcrValue> MeasureAndLockAsync(int index, ReadOnlySpan<byte> content, CancellationToken cancellationToken = default) =>
        MeasureAndLockAsync(new PcrMeasurement(index, content), cancellationToken);

    async Task<PcrValue> MeasureAndLockAsync(PcrMeasurement measurement, CancellationToken cancellationToken)
    {
        var register = await DescribePcrAsync(measurement.Index, cancellationToken).ConfigureAwait(false);
        if (measurement.NeedsExtension(register))
        {
            measurement.Verify(await ExtendPcrAsync(measurement.Index, measurement.Digest, cancellationToken).ConfigureAwait(false));
        }

        if (!register.IsLocked)
        {
            await LockPcrAsync(measurement.Index, cancellationToken).ConfigureAwait(false);
        }

        return measurement.Verify(await DescribePcrAsync(measurement.Index, cancellationToken).ConfigureAwait(false));
    }
}
