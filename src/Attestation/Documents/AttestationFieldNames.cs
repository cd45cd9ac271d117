namespace NitroEnclaves.Attestation;

/// <summary>The keys as they stand in documents, UTF-8.</summary>
static class AttestationFieldNames
{
    internal static ReadOnlySpan<byte> Of(AttestationField field) => field switch
    {
        AttestationField.ModuleId => "module_id"u8,
        AttestationField.Digest => "digest"u8,
        AttestationField.Timestamp => "timestamp"u8,
        AttestationField.Pcrs => "pcrs"u8,
        AttestationField.Certificate => "certificate"u8,
        AttestationField.CaBundle => "cabundle"u8,
        AttestationField.PublicKey => "public_key"u8,
        AttestationField.UserData => "user_data"u8,
        AttestationField.Nonce => "nonce"u8,
        _ => throw new ArgumentOutOfRangeException(nameof(field)),
    };

    internal static AttestationField Parse(ReadOnlySpan<byte> name)
    {
        for (var field = AttestationField.ModuleId; field < AttestationField.Unknown; field++)
        {
            if (name.SequenceEqual(Of(field)))
            {
                return field;
            }
        }

        return AttestationField.Unknown;
    }
}
