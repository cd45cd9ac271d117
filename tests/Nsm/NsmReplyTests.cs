using static NitroEnclaves.Nsm.Tests.Hex;

namespace NitroEnclaves.Nsm.Tests;

/// <summary>What the client does with replies, which it does not trust.</summary>
public sealed class NsmReplyTests
{
    static string Locked => Text("lock") + "f5";

    static string Zero => Text("data") + "5830" + PcrValue.Zero;

    public static TheoryData<string, string> NoRegisters => new()
    {
        { "nothing", "" },
        { "a break", "ff" },
        { "another operation", Map("ExtendPCR", Map("data", "5830" + PcrValue.Zero)) },
        { "a bare name", Text("DescribePCR") },
        { "a bare name with arguments", Map("LockPCR", "a0") },
        { "an unknown operation", Map("DescribeTPM", "a2" + Locked + Zero) },
        { "an error without a name", Map("Error", "60") },
        { "an error of a number", Map("Error", "05") },
        { "two entries", "a2" + Text("DescribePCR") + "a2" + Locked + Zero + Text("x") + "00" },
        { "no lock", Map("DescribePCR", "a1" + Zero) },
        { "no data", Map("DescribePCR", "a1" + Locked) },
        { "lock twice", Map("DescribePCR", "a3" + Locked + Zero + Locked) },
        { "data twice", Map("DescribePCR", "a3" + Locked + Zero + Zero) },
        { "a lock of a number", Map("DescribePCR", "a2" + Text("lock") + "01" + Zero) },
        { "data of text", Map("DescribePCR", "a2" + Locked + Text("data") + Text("abc")) },
        { "data of 32 bytes", Map("DescribePCR", "a2" + Locked + Text("data") + "5820" + new string('0', 64)) },
        { "data of 0 bytes", Map("DescribePCR", "a2" + Locked + Text("data") + "40") },
        { "a byte after it", Map("DescribePCR", "a2" + Locked + Zero) + "00" },
        { "an entry short", Map("DescribePCR", "a3" + Locked + Zero) },
        { "no break", Map("DescribePCR", "bf" + Locked + Zero) },
        { "an array", "81" + Map("DescribePCR", "a2" + Locked + Zero) },
        { "a tag", "c1" + Map("DescribePCR", "a2" + Locked + Zero) },
    };

    public static TheoryData<string> Registers => new()
    {
        Map("DescribePCR", "a2" + Locked + Zero),
        Map("DescribePCR", "a2" + Zero + Locked),
        Map("DescribePCR", "bf" + Zero + Locked + "ff"),
        "bf" + Text("DescribePCR") + "bf" + Locked + Zero + "ffff",
        Map("DescribePCR", "b802" + Locked + Zero),
        Map("DescribePCR", "bb0000000000000002" + Locked + Zero),
        Map("DescribePCR", "a3" + Locked + Text("algorithm") + "a1811902008141ff" + Zero),
        Map("DescribePCR", "a2" + Locked + Text("data") + "590030" + PcrValue.Zero),
    };

    [Theory]
    [MemberData(nameof(NoRegisters))]
    public void What_is_no_answer_is_refused(string name, string reply)
    {
        Assert.NotEmpty(name);
        using var client = new NsmClient(new ScriptedTransport(reply));
        Assert.Equal(NsmErrorCode.InvalidResponse, Assert.Throws<NsmException>(() => client.DescribePcr(4)).Code);
    }

    [Theory]
    [MemberData(nameof(Registers))]
    public void A_register_is_read_by_key_in_any_form(string reply)
    {
        using var client = new NsmClient(new ScriptedTransport(reply));
        Assert.Equal(new PcrDescription(PcrValue.Zero, true), client.DescribePcr(4));
    }

    [Theory]
    [InlineData("InvalidArgument", NsmErrorCode.InvalidArgument)]
    [InlineData("InvalidIndex", NsmErrorCode.InvalidIndex)]
    [InlineData("InvalidResponse", NsmErrorCode.InvalidResponse)]
    [InlineData("ReadOnlyIndex", NsmErrorCode.ReadOnlyIndex)]
    [InlineData("InvalidOperation", NsmErrorCode.InvalidOperation)]
    [InlineData("BufferTooSmall", NsmErrorCode.BufferTooSmall)]
    [InlineData("InputTooLarge", NsmErrorCode.InputTooLarge)]
    [InlineData("InternalError", NsmErrorCode.InternalError)]
    [InlineData("OutOfCoffee", NsmErrorCode.Unknown)]
    [InlineData("invalidindex", NsmErrorCode.Unknown)]
    public void An_error_has_its_code_and_its_name(string name, NsmErrorCode code)
    {
        using var client = new NsmClient(new ScriptedTransport(Error(name)));
        var refusal = Assert.Throws<NsmException>(client.DescribeNsm);
        Assert.Equal(code, refusal.Code);
        Assert.Equal(name, refusal.ErrorName);
        Assert.Contains(name, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_error_Success_makes_no_sense()
    {
        using var client = new NsmClient(new ScriptedTransport(Error("Success")));
        Assert.Equal(NsmErrorCode.InvalidResponse, Assert.Throws<NsmException>(() => client.LockPcr(16)).Code);
    }

    [Fact]
    public void A_lock_is_not_confirmed_by_the_other_lock()
    {
        using var client = new NsmClient(new ScriptedTransport(Text("LockPCRs")));
        client.LockPcrs(20);
        Assert.Equal(NsmErrorCode.InvalidResponse, Assert.Throws<NsmException>(() => client.LockPcr(16)).Code);
    }

    [Fact]
    public void A_reply_that_the_driver_cut_off_is_told_from_nonsense()
    {
        using var client = new NsmClient(new ScriptedTransport(Map("Attestation", Map("document", Bytes(NsmLimits.MaxResponseLength)))));
        Assert.Equal(NsmErrorCode.BufferTooSmall, Assert.Throws<NsmException>(() => client.GetAttestationDocument()).Code);
    }

    [Fact]
    public void A_transport_that_reports_more_than_there_is_room_for_is_refused()
    {
        using var client = new NsmClient(new Liar());
        Assert.Equal(NsmErrorCode.InvalidResponse, Assert.Throws<NsmException>(client.DescribeNsm).Code);
    }

    [Fact]
    public void Random_bytes_and_documents_are_not_empty()
    {
        using var random = new NsmClient(new ScriptedTransport(Map("GetRandom", Map("random", "40"))));
        Assert.Equal(NsmErrorCode.InvalidResponse, Assert.Throws<NsmException>(() => random.GetRandom(new byte[1])).Code);
        using var document = new NsmClient(new ScriptedTransport(Map("Attestation", Map("document", "40"))));
        Assert.Equal(NsmErrorCode.InvalidResponse, Assert.Throws<NsmException>(() => document.GetAttestationDocument()).Code);
    }

    [Theory]
    [InlineData("8100", true)]
    [InlineData("8200181f", true)]
    [InlineData("9f0001ff", true)]
    [InlineData("80", true)]
    [InlineData("811820", false)]
    [InlineData("820100", false)]
    [InlineData("820000", false)]
    [InlineData("8120", false)]
    [InlineData("9affffffff", false)]
    [InlineData("a0", false)]
    public void Locked_registers_exist_and_ascend(string lockedPcrs, bool isPossible)
    {
        var fields = Text("version_major") + "01" + Text("version_minor") + "190000" + Text("version_patch") + "00"
            + Text("module_id") + Text("i-1-enc2") + Text("max_pcrs") + "1820" + Text("locked_pcrs") + lockedPcrs + Text("digest") + Text("SHA384");
        using var client = new NsmClient(new ScriptedTransport(Map("DescribeNSM", "a7" + fields)));
        if (isPossible)
        {
            Assert.Equal("i-1-enc2", client.DescribeNsm().ModuleId);
        }
        else
        {
            Assert.Equal(NsmErrorCode.InvalidResponse, Assert.Throws<NsmException>(client.DescribeNsm).Code);
        }
    }

    [Fact]
    public void A_description_has_all_its_fields_once()
    {
        string[] fields =
        [
            Text("version_major") + "01", Text("version_minor") + "00", Text("version_patch") + "00", Text("module_id") + Text("i-1-enc2"),
            Text("max_pcrs") + "1820", Text("locked_pcrs") + "80", Text("digest") + Text("SHA384"),
        ];
        string Reply(IEnumerable<string> some) => Map("DescribeNSM", "bf" + string.Concat(some) + "ff");
        using (var whole = new NsmClient(new ScriptedTransport(Reply(fields))))
        {
            Assert.Empty(whole.DescribeNsm().LockedPcrs);
        }

        foreach (var field in fields)
        {
            using var without = new NsmClient(new ScriptedTransport(Reply(fields.Where(other => other != field))));
            Assert.Equal(NsmErrorCode.InvalidResponse, Assert.Throws<NsmException>(without.DescribeNsm).Code);
            using var twice = new NsmClient(new ScriptedTransport(Reply(fields.Append(field))));
            Assert.Equal(NsmErrorCode.InvalidResponse, Assert.Throws<NsmException>(twice.DescribeNsm).Code);
        }
    }

    sealed class Liar : INsmTransport
    {
        public int Exchange(ReadOnlySpan<byte> request, Span<byte> response) => response.Length + 1;
    }
}
