namespace NitroEnclaves.Nsm;

/// <summary>The names that stand in messages, as UTF-8.</summary>
static class NsmNames
{
    internal static ReadOnlySpan<byte> Error => "Error"u8;

    internal static ReadOnlySpan<byte> Index => "index"u8;

    internal static ReadOnlySpan<byte> Range => "range"u8;

    internal static ReadOnlySpan<byte> Data => "data"u8;

    internal static ReadOnlySpan<byte> Lock => "lock"u8;

    internal static ReadOnlySpan<byte> Random => "random"u8;

    internal static ReadOnlySpan<byte> Document => "document"u8;

    internal static ReadOnlySpan<byte> UserData => "user_data"u8;

    internal static ReadOnlySpan<byte> Nonce => "nonce"u8;

    internal static ReadOnlySpan<byte> PublicKey => "public_key"u8;

    internal static ReadOnlySpan<byte> VersionMajor => "version_major"u8;

    internal static ReadOnlySpan<byte> VersionMinor => "version_minor"u8;

    internal static ReadOnlySpan<byte> VersionPatch => "version_patch"u8;

    internal static ReadOnlySpan<byte> ModuleId => "module_id"u8;

    internal static ReadOnlySpan<byte> MaxPcrs => "max_pcrs"u8;

    internal static ReadOnlySpan<byte> LockedPcrs => "locked_pcrs"u8;

    internal static ReadOnlySpan<byte> Digest => "digest"u8;

    internal static ReadOnlySpan<byte> Of(NsmOperation operation) => operation switch
    {
        NsmOperation.DescribeNsm => "DescribeNSM"u8,
        NsmOperation.GetRandom => "GetRandom"u8,
        NsmOperation.DescribePcr => "DescribePCR"u8,
        NsmOperation.ExtendPcr => "ExtendPCR"u8,
        NsmOperation.LockPcr => "LockPCR"u8,
        NsmOperation.LockPcrs => "LockPCRs"u8,
        NsmOperation.Attestation => "Attestation"u8,
        _ => throw new ArgumentOutOfRangeException(nameof(operation)),
    };

    internal static ReadOnlySpan<byte> Of(NsmErrorCode code) => code switch
    {
        NsmErrorCode.Success => "Success"u8,
        NsmErrorCode.InvalidArgument => "InvalidArgument"u8,
        NsmErrorCode.InvalidIndex => "InvalidIndex"u8,
        NsmErrorCode.InvalidResponse => "InvalidResponse"u8,
        NsmErrorCode.ReadOnlyIndex => "ReadOnlyIndex"u8,
        NsmErrorCode.InvalidOperation => "InvalidOperation"u8,
        NsmErrorCode.BufferTooSmall => "BufferTooSmall"u8,
        NsmErrorCode.InputTooLarge => "InputTooLarge"u8,
        NsmErrorCode.InternalError => "InternalError"u8,
        _ => throw new ArgumentOutOfRangeException(nameof(code)),
    };

    internal static bool TryParse(ReadOnlySpan<byte> name, out NsmOperation operation)
    {
        for (operation = NsmOperation.DescribeNsm; operation <= NsmOperation.Attestation; operation++)
        {
            if (name.SequenceEqual(Of(operation)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The code of an error's name, <see cref="NsmErrorCode.Unknown"/> where it has none.</summary>
    internal static NsmErrorCode ParseError(ReadOnlySpan<byte> name)
    {
        for (var code = NsmErrorCode.Success; code <= NsmErrorCode.InternalError; code++)
        {
            if (name.SequenceEqual(Of(code)))
            {
                return code;
            }
        }

        return NsmErrorCode.Unknown;
    }
}
