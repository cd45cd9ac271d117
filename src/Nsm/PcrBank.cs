using System.Collections.Immutable;

namespace NitroEnclaves.Nsm;

/// <summary>32 registers with their locks. A lock lasts as long as the bank. Indexes come from a guest, so misuse is an answer.</summary>
sealed class PcrBank
{
    readonly PcrValue[] _values = new PcrValue[Pcr.Count];
    uint _locked;

    /// <summary>Takes the initial values and then locks the registers that enclaves find locked, 0 to 15.</summary>
    /// <exception cref="ArgumentException">A value for a register that does not exist.</exception>
    internal PcrBank(IReadOnlyDictionary<int, PcrValue> initialValues)
    {
        foreach (var (index, value) in initialValues)
        {
            if (!Exists(index))
            {
                throw new ArgumentException($"There is no PCR{index}.", nameof(initialValues));
            }

            _values[index] = value;
        }

        LockBelow(Pcr.FirstUnlocked);
    }

    internal NsmErrorCode Describe(int index, out PcrValue value, out bool isLocked)
    {
        var exists = Exists(index);
        value = exists ? _values[index] : default;
        isLocked = exists && IsLocked(index);
        return exists ? NsmErrorCode.Success : NsmErrorCode.InvalidIndex;
    }

    internal NsmErrorCode Extend(int index, ReadOnlySpan<byte> data, out PcrValue value)
    {
        var error = Describe(index, out value, out var isLocked);
        if (error != NsmErrorCode.Success || isLocked)
        {
            return isLocked ? NsmErrorCode.ReadOnlyIndex : error;
        }

        value = _values[index] = value.Extend(data);
        return NsmErrorCode.Success;
    }

    internal NsmErrorCode Lock(int index)
    {
        if (!Exists(index))
        {
            return NsmErrorCode.InvalidIndex;
        }

        if (IsLocked(index))
        {
            return NsmErrorCode.ReadOnlyIndex;
        }

        _locked |= 1u << index;
        return NsmErrorCode.Success;
    }

    /// <summary>Locks [0, range); those already locked stay so, and that is no error.</summary>
    internal NsmErrorCode LockBelow(int range)
    {
        if (range is < 0 or > Pcr.Count)
        {
            return NsmErrorCode.InvalidIndex;
        }

        _locked |= (uint)((1UL << range) - 1);
        return NsmErrorCode.Success;
    }

    internal ImmutableArray<int> LockedIndexes() => [.. Enumerable.Range(0, Pcr.Count).Where(IsLocked)];

    internal ImmutableSortedDictionary<int, PcrValue> LockedValues() =>
        LockedIndexes().ToImmutableSortedDictionary(index => index, index => _values[index]);

    bool IsLocked(int index) => (_locked & (1u << index)) != 0;

    static bool Exists(int index) => index is >= 0 and < Pcr.Count;
}
