using System.Security.Cryptography;

namespace NitroEnclaves.Nsm;

/// <summary>A content that is to be measured into a register, and the value that the register will then hold.</summary>
sealed class PcrMeasurement
{
    readonly byte[] _digest;
    readonly PcrValue _predicted;

    internal PcrMeasurement(int index, ReadOnlySpan<byte> content)
    {
        Index = index;
        _digest = SHA384.HashData(content);
        _predicted = PcrValue.Zero.Extend(_digest);
    }

    internal int Index { get; }

    /// <summary>What the register is extended by.</summary>
    internal ReadOnlySpan<byte> Digest => _digest;

    /// <summary>Whether the register is still to be extended; else it holds the content's measurement already.</summary>
    /// <exception cref="NsmException">It holds something else, or is locked without it.</exception>
    internal bool NeedsExtension(PcrDescription register)
    {
        if (register.Value.IsZero && !register.IsLocked)
        {
            return true;
        }

        Verify(register.Value);
        return false;
    }

    internal void Verify(PcrValue value)
    {
        if (value != _predicted)
        {
            throw new NsmException(NsmErrorCode.PcrMismatch, $"PCR{Index} holds {value}, not {_predicted} as predicted.");
        }
    }

    internal PcrValue Verify(PcrDescription register)
    {
        Verify(register.Value);
        return register.IsLocked
            ? register.Value
            : throw new NsmException(NsmErrorCode.PcrMismatch, $"PCR{Index} is not locked after it has been.");
    }
}
