using System.Security.Cryptography;
using static NitroEnclaves.Nsm.Tests.Hex;

namespace NitroEnclaves.Nsm.Tests;

/// <summary>One request of a random sequence.</summary>
public sealed record ModelStep(NsmOperation Operation, int Number, byte[] Data)
{
    public override string ToString() => $"{Operation} {Number} {Convert.ToHexStringLower(Data)}";
}

/// <summary>The NSM's rules in their plainest form, with responses put together by hand: what the software NSM is compared with.</summary>
sealed class NaiveNsm
{
    readonly string[] _values = [.. Enumerable.Repeat(new string('0', 96), 32)];
    readonly bool[] _locks = [.. Enumerable.Range(0, 32).Select(index => index < 16)];

    public IReadOnlyDictionary<int, string> Locked => Enumerable.Range(0, 32).Where(i => _locks[i]).ToDictionary(i => i, i => _values[i]);

    /// <summary>The response to a step, in hexadecimal digits.</summary>
    public string Answer(ModelStep step)
    {
        var index = step.Number;
        switch (step.Operation)
        {
            case NsmOperation.DescribeNsm:
                var locked = Locked.Keys.Select(i => i < 24 ? i.ToString("x2") : "18" + i.ToString("x2")).ToArray();
                var count = locked.Length < 24 ? (0x80 + locked.Length).ToString("x2") : "98" + locked.Length.ToString("x2");
                return Map("DescribeNSM", "a7" + Text("version_major") + "01" + Text("version_minor") + "00" + Text("version_patch") + "00"
                    + Text("module_id") + "7827" + Convert.ToHexStringLower(System.Text.Encoding.ASCII.GetBytes(TestModule.ModuleId))
                    + Text("max_pcrs") + "1820" + Text("locked_pcrs") + count + string.Concat(locked) + Text("digest") + Text("SHA384"));
            case NsmOperation.LockPcrs:
                if (index > 32)
                {
                    return Error("InvalidIndex");
                }

                Array.Fill(_locks, true, 0, index);
                return Text("LockPCRs");
            case var _ when index > 31:
                return Error("InvalidIndex");
            case NsmOperation.DescribePcr:
                return Map("DescribePCR", "a2" + Text("lock") + (_locks[index] ? "f5" : "f4") + Text("data") + "5830" + _values[index]);
            case var _ when _locks[index]:
                return Error("ReadOnlyIndex");
            case NsmOperation.LockPcr:
                _locks[index] = true;
                return Text("LockPCR");
            default:
                var input = Convert.FromHexString(_values[index]).Concat(step.Data).ToArray();
                _values[index] = Convert.ToHexStringLower(SHA384.HashData(input));
                return Map("ExtendPCR", Map("data", "5830" + _values[index]));
        }
    }
}
