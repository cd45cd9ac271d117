using System.Collections.Immutable;
using NitroEnclaves.Cbor;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Attestation;

/// <summary>Reads a payload map of either length form, with its keys in any order.</summary>
/// <remarks>
/// <code>
/// { "module_id": text, "digest": "SHA384", "timestamp": uint (ms), "pcrs": { uint: bstr 48 }, "certificate": bstr,
///   "cabundle": [+ bstr], "public_key": bstr / null, "user_data": bstr / null, "nonce": bstr / null }
/// </code>
/// The last three may be absent; unknown keys are skipped (the signature covers them).
/// </remarks>
ref struct AttestationPayloadReader(ReadOnlyMemory<byte> payload, AttestationLimits limits)
{
    const int DepthLimit = 8;
    const ulong LatestTimestamp = 253_402_300_799_999; // 9999-12-31T23:59:59.999Z

    CborReader _reader = new(payload.Span, DepthLimit);
    AttestationField _field = AttestationField.Unknown;
    uint _seen;
    string _moduleId = "";
    DateTimeOffset _timestamp;
    ImmutableSortedDictionary<int, PcrValue> _pcrs = ImmutableSortedDictionary<int, PcrValue>.Empty;
    ReadOnlyMemory<byte> _certificate;
    ImmutableArray<ReadOnlyMemory<byte>> _caBundle = [];
    ReadOnlyMemory<byte>? _publicKey;
    ReadOnlyMemory<byte>? _userData;
    ReadOnlyMemory<byte>? _nonce;

    internal AttestationPayload Read()
    {
        bool isIndefinite;
        try
        {
            isIndefinite = _reader.ReadStartMap() is null;
            for (; !_reader.TryReadEndMap(); _field = AttestationField.Unknown)
            {
                _field = ReadKey();
                ReadValue();
            }

            _reader.ReadEndOfData();
        }
        catch (CborException exception)
        {
            throw new AttestationException(FailureOf(_field, exception.Error), $"The payload: {exception.Message}", exception);
        }

        RequireFields();
        return new AttestationPayload
        {
            Encoded = payload,
            HasIndefiniteLength = isIndefinite,
            ModuleId = _moduleId,
            Timestamp = _timestamp,
            Pcrs = _pcrs,
            Certificate = _certificate,
            CaBundle = _caBundle,
            PublicKey = _publicKey,
            UserData = _userData,
            Nonce = _nonce,
        };
    }

    AttestationField ReadKey()
    {
        var field = AttestationFieldNames.Parse(_reader.ReadTextStringBytes());
        if (field != AttestationField.Unknown && (_seen & Bit(field)) != 0)
        {
            throw Refused(AttestationFailure.DuplicateField, $"The field {field} stands in the payload twice.");
        }

        _seen |= Bit(field);
        return field;
    }

    void ReadValue()
    {
        switch (_field)
        {
            case AttestationField.ModuleId:
                ReadModuleId();
                break;
            case AttestationField.Digest:
                if (!_reader.ReadTextStringBytes().SequenceEqual("SHA384"u8))
                {
                    throw Refused(AttestationFailure.Digest, "The digest is not SHA384.");
                }

                break;
            case AttestationField.Timestamp:
                ReadTimestamp();
                break;
            case AttestationField.Pcrs:
                ReadPcrs();
                break;
            case AttestationField.Certificate:
                _certificate = ReadBytes(AttestationFailure.CertificateField, 1, limits.CertificateLength);
                break;
            case AttestationField.CaBundle:
                ReadCaBundle();
                break;
            case AttestationField.PublicKey:
                _publicKey = ReadOptionalBytes(AttestationFailure.PublicKeyField, 1);
                break;
            case AttestationField.UserData:
                _userData = ReadOptionalBytes(AttestationFailure.UserDataField, 0);
                break;
            case AttestationField.Nonce:
                _nonce = ReadOptionalBytes(AttestationFailure.NonceField, 0);
                break;
            default:
                _reader.SkipValue();
                break;
        }
    }

    void ReadModuleId()
    {
        // The mark keeps documents of other attesters (NitroTPM, whose ids are instance ids) from passing as an enclave's.
        _moduleId = _reader.ReadTextString();
        var mark = _moduleId.IndexOf(AttestationPayload.EnclaveMark, StringComparison.Ordinal);
        if (mark <= 0 || mark + AttestationPayload.EnclaveMark.Length == _moduleId.Length)
        {
            throw Refused(AttestationFailure.ModuleId, "The module id is not that of an enclave.");
        }
    }

    void ReadTimestamp()
    {
        var milliseconds = _reader.ReadUInt64();
        if (milliseconds is 0 or > LatestTimestamp)
        {
            throw Refused(AttestationFailure.Timestamp, $"The timestamp {milliseconds} is none.");
        }

        _timestamp = DateTimeOffset.FromUnixTimeMilliseconds((long)milliseconds);
    }

    void ReadPcrs()
    {
        var pcrs = ImmutableSortedDictionary.CreateBuilder<int, PcrValue>();
        _reader.ReadStartMap();
        while (!_reader.TryReadEndMap())
        {
            var index = _reader.ReadUInt64();
            var value = _reader.ReadByteString();
            if (index >= Pcr.Count || value.Length != PcrValue.Length || !pcrs.TryAdd((int)index, new PcrValue(value)))
            {
                throw Refused(AttestationFailure.Pcrs, $"The register {index} does not exist, stands there twice, or has not 48 bytes.");
            }
        }

        if (pcrs.Count == 0)
        {
            throw Refused(AttestationFailure.Pcrs, "There are no registers.");
        }

        _pcrs = pcrs.ToImmutable();
    }

    void ReadCaBundle()
    {
        var bundle = ImmutableArray.CreateBuilder<ReadOnlyMemory<byte>>();
        _reader.ReadStartArray();
        while (!_reader.TryReadEndArray())
        {
            if (bundle.Count == limits.CaBundleCount)
            {
                throw Refused(AttestationFailure.CaBundleField, $"The bundle has more than {limits.CaBundleCount} certificates.");
            }

            bundle.Add(ReadBytes(AttestationFailure.CaBundleField, 1, limits.CertificateLength));
        }

        if (bundle.Count == 0)
        {
            throw Refused(AttestationFailure.CaBundleField, "The bundle is empty.");
        }

        _caBundle = bundle.DrainToImmutable();
    }

    ReadOnlyMemory<byte>? ReadOptionalBytes(AttestationFailure failure, int minimum)
    {
        // No conditional expression: there, null would convert to empty memory.
        if (_reader.TryReadNull())
        {
            return null;
        }

        return ReadBytes(failure, minimum, limits.FieldLength);
    }

    ReadOnlyMemory<byte> ReadBytes(AttestationFailure failure, int minimum, int maximum)
    {
        var length = _reader.ReadByteString().Length;
        return length >= minimum && length <= maximum
            ? payload.Slice(_reader.Position - length, length)
            : throw Refused(failure, $"{length} bytes where {minimum} to {maximum} are accepted.");
    }

    readonly void RequireFields()
    {
        for (var field = AttestationField.ModuleId; field <= AttestationField.CaBundle; field++)
        {
            if ((_seen & Bit(field)) == 0)
            {
                throw Refused(AttestationFailure.MissingField, $"The field {field} is not in the payload.");
            }
        }
    }

    static uint Bit(AttestationField field) => 1u << (int)field;

    /// <summary>An item of the wrong type is the field's fault; data that is not CBOR is the payload's.</summary>
    static AttestationFailure FailureOf(AttestationField field, CborError error) => error switch
    {
        CborError.UnexpectedType or CborError.IndefiniteLengthString or CborError.IntegerOverflow => FailureOf(field),
        CborError.TrailingData => AttestationFailure.PayloadTrailingData,
        _ => AttestationFailure.Payload,
    };

    static AttestationFailure FailureOf(AttestationField field) => field switch
    {
        AttestationField.ModuleId => AttestationFailure.ModuleId,
        AttestationField.Digest => AttestationFailure.Digest,
        AttestationField.Timestamp => AttestationFailure.Timestamp,
        AttestationField.Pcrs => AttestationFailure.Pcrs,
        AttestationField.Certificate => AttestationFailure.CertificateField,
        AttestationField.CaBundle => AttestationFailure.CaBundleField,
        AttestationField.PublicKey => AttestationFailure.PublicKeyField,
        AttestationField.UserData => AttestationFailure.UserDataField,
        AttestationField.Nonce => AttestationFailure.NonceField,
        _ => AttestationFailure.Payload,
    };

    static AttestationException Refused(AttestationFailure failure, string message) => new(failure, message);
}
