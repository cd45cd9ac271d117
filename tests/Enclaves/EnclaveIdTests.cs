using FsCheck;
using FsCheck.Fluent;

namespace NitroEnclaves.Enclaves.Tests;

public sealed class EnclaveIdTests
{
    [Fact]
    public void An_id_is_the_parents_id_and_a_slot_of_sixteen_digits() => Assert.Equal(
        "i-0123456789abcdef0-enc00000000000000ff", new EnclaveId(InstanceId.Parse(Samples.Parent), 0xff).ToString());

    [Fact]
    public void Every_slot_reads_back() => Prop.ForAll<ulong>(slot =>
    {
        var id = new EnclaveId(InstanceId.Parse(Samples.Parent), slot);
        return EnclaveId.TryParse(id.ToString(), out var read) && read == id && read.Slot == slot;
    }).Check(Config.QuickThrowOnFailure.WithReplay(2, 3));

    [Theory]
    [InlineData("")]
    [InlineData("i-0123456789abcdef0")]
    [InlineData("i-0123456789abcdef0-enc")]
    [InlineData("i-0123456789abcdef0-enc123")]
    [InlineData("i-0123456789abcdef0-enc00000000000000FF")]
    [InlineData("i-0123456789ABCDEF0-enc00000000000000ff")]
    [InlineData("i-0123456789abcdef0-enc00000000000000ff0")]
    [InlineData("i-0123456789abcdef0_enc00000000000000ff")]
    [InlineData("x-0123456789abcdef0-enc00000000000000ff")]
    [InlineData("i-0123456789abcdef0-enc0000000000000 ff")]
    [InlineData("i-0123456789abcdef0-enc../../../../etc/")]
    public void Other_forms_are_refused(string text)
    {
        Assert.False(EnclaveId.TryParse(text, out _));
        Assert.Equal(EnclaveFailure.InvalidArgument, Assert.Throws<EnclaveException>(() => EnclaveId.Parse(text)).Failure);
    }

    [Fact]
    public void A_machine_without_an_instance_id_has_a_stable_one_of_its_own()
    {
        using var root = new TemporaryFolder();
        Directory.CreateDirectory(root["etc"]);
        File.WriteAllText(root["etc/machine-id"], "0123456789abcdef0123456789abcdef\n");
        var first = InstanceId.OfThisMachine(root.Path);

        Assert.Equal(first, InstanceId.OfThisMachine(root.Path));
        Assert.True(InstanceId.TryParse(first.ToString(), out _));
        Assert.DoesNotContain("0123456789abcdef", first.ToString(), StringComparison.Ordinal);

        File.WriteAllText(root["etc/machine-id"], "fedcba9876543210fedcba9876543210\n");
        Assert.NotEqual(first, InstanceId.OfThisMachine(root.Path));
    }

    [Fact]
    public void An_instance_is_known_by_its_boards_asset_tag()
    {
        using var root = new TemporaryFolder();
        Directory.CreateDirectory(root["sys/devices/virtual/dmi/id"]);
        File.WriteAllText(root["sys/devices/virtual/dmi/id/board_asset_tag"], Samples.Parent + "\n");
        Assert.Equal(Samples.Parent, InstanceId.OfThisMachine(root.Path).ToString());
    }
}
