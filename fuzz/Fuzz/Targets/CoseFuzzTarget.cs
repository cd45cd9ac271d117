using System.Security.Cryptography;
using NitroEnclaves.Cose;

namespace NitroEnclaves.Fuzz.Targets;

/// <summary>COSE_Sign1 messages: whatever parses is verified with a key that signed none of them.</summary>
sealed class CoseFuzzTarget : IFuzzTarget
{
    readonly ECDsa _stranger = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public string Name => "cose";

    public IEnumerable<byte[]> Seeds { get; } = [.. new[] { 64, 96, 132 }.SelectMany(length => new[] { Message(length, false), Message(length, true) })];

    public void Run(ReadOnlySpan<byte> input)
    {
        CoseSign1Message message;
        try
        {
            message = CoseSign1Message.Parse(input);
        }
        catch (CoseException)
        {
            return;
        }

        if (message.Signature.Length != message.Algorithm.GetSignatureLength() || message.Verify(_stranger))
        {
            throw new InvalidOperationException("A message was accepted that nobody signed.");
        }
    }

    /// <summary>A message whose signature is of the right length and nobody's, so that the seeds are the same in each run.</summary>
    static byte[] Message(int signatureLength, bool tagged)
    {
        byte[] header = signatureLength switch
        {
            64 => [0x43, 0xA1, 0x01, 0x26],
            96 => [0x44, 0xA1, 0x01, 0x38, 0x22],
            _ => [0x44, 0xA1, 0x01, 0x38, 0x23],
        };
        byte[] message = [0x84, .. header, 0xA0, 0x47, .. "payload"u8, 0x58, (byte)signatureLength, .. Enumerable.Repeat((byte)1, signatureLength)];
        return tagged ? [0xD2, .. message] : message;
    }
}
