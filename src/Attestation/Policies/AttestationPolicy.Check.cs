using System.Security.Cryptography;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Attestation;

public sealed partial class AttestationPolicy
{
    /// <summary>Compares a document whose signature and chain were verified with what is expected.</summary>
    /// <exception cref="AttestationException">The document does not meet the policy.</exception>
    internal void Check(UnverifiedAttestationDocument document, DateTimeOffset moment)
    {
        CheckAge(document.Timestamp, moment);
        CheckDebugMode(document);
        CheckImage(document);
        foreach (var (index, expected) in Pcrs)
        {
            if (Value(document, index) != expected)
            {
                throw new AttestationException(
                    AttestationFailure.PcrMismatch,
                    $"PCR{index} is {document.Pcrs[index]}, expected was {expected}.");
            }
        }

        CheckBytes(AttestationFailure.NonceMismatch, "nonce", Nonce, document.Nonce);
        CheckBytes(AttestationFailure.PublicKeyMismatch, "public key", PublicKey, document.PublicKey);
        CheckBytes(AttestationFailure.UserDataMismatch, "user data", UserData, document.UserData);
    }

    void CheckAge(DateTimeOffset timestamp, DateTimeOffset moment)
    {
        if (timestamp - moment > ClockSkew)
        {
            throw new AttestationException(
                AttestationFailure.FromTheFuture,
                $"The document is from {timestamp:u}; the verification is for {moment:u}.");
        }

        if (moment - timestamp > MaximumAge)
        {
            throw new AttestationException(
                AttestationFailure.TooOld,
                $"The document is {moment - timestamp:c} old; {MaximumAge:c} are allowed.");
        }
    }

    void CheckDebugMode(UnverifiedAttestationDocument document)
    {
        if (AllowsDebugMode)
        {
            return;
        }

        // Without the three registers nothing tells that the enclave is not in debug mode.
        foreach (var index in (ReadOnlySpan<int>)[Pcr.Image, Pcr.KernelAndBoot, Pcr.Application])
        {
            if (Value(document, index).IsZero)
            {
                throw new AttestationException(
                    AttestationFailure.DebugMode,
                    $"PCR{index} is zero: the enclave runs in debug mode, in which its parent reads its memory.");
            }
        }
    }

    void CheckImage(UnverifiedAttestationDocument document)
    {
        if (Images.IsEmpty)
        {
            return;
        }

        var pcr0 = Value(document, Pcr.Image);
        var pcr1 = Value(document, Pcr.KernelAndBoot);
        var pcr2 = Value(document, Pcr.Application);
        foreach (var image in Images)
        {
            if (image.Pcr0 == pcr0 && image.Pcr1 == pcr1 && image.Pcr2 == pcr2)
            {
                return;
            }
        }

        throw new AttestationException(
            AttestationFailure.ImageMismatch,
            $"The enclave runs another image: PCR0 {pcr0}, PCR1 {pcr1}, PCR2 {pcr2}.");
    }

    static PcrValue Value(UnverifiedAttestationDocument document, int index) => document.Pcrs.TryGetValue(index, out var value)
        ? value
        : throw new AttestationException(AttestationFailure.MissingPcr, $"PCR{index} is expected and not in the document.");

    static void CheckBytes(AttestationFailure failure, string name, ReadOnlyMemory<byte>? expected, ReadOnlyMemory<byte>? actual)
    {
        if (expected is null)
        {
            return;
        }

        if (actual is null)
        {
            throw new AttestationException(failure, $"The document carries no {name}.");
        }

        if (!CryptographicOperations.FixedTimeEquals(expected.Value.Span, actual.Value.Span))
        {
            throw new AttestationException(failure, $"The document carries another {name} than expected.");
        }
    }
}
