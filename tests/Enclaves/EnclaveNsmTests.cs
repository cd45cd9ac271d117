using NitroEnclaves.Images;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>The registers of contracts, "PCRs".</summary>
public sealed class EnclaveNsmTests
{
    const string Role = "arn:aws:iam::123456789012:role/enclave-parent";

    static readonly EnclaveId s_id = EnclaveId.Parse($"{Samples.Parent}-enc0000000000000001");
    static readonly EifMeasurements s_measurements = new(Value(1), Value(2), Value(3), Value(4));

    [Fact]
    public void An_enclave_has_its_images_its_parents_and_its_signers_registers()
    {
        var registers = EnclaveNsm.Registers(Samples.Options with { ParentRoleArn = Role }, s_id, s_measurements);
        Assert.Equal([0, 1, 2, 3, 4, 8], registers.Keys.Order());
        Assert.Equal(Value(1), registers[0]);
        Assert.Equal(Value(2), registers[1]);
        Assert.Equal(Value(3), registers[2]);
        Assert.Equal(PcrValue.OfRole(Role), registers[3]);
        Assert.Equal(PcrValue.OfInstance(Samples.Parent), registers[4]);
        Assert.Equal(Value(4), registers[8]);
    }

    [Fact]
    public void In_debug_mode_only_the_parents_stay()
    {
        var registers = EnclaveNsm.Registers(Samples.Options with { ParentRoleArn = Role, DebugMode = true }, s_id, s_measurements);
        Assert.Equal([3, 4], registers.Keys.Order());
    }

    [Fact]
    public void Without_role_and_signature_they_are_zero()
    {
        var registers = EnclaveNsm.Registers(Samples.Options, s_id, s_measurements with { Pcr8 = null });
        Assert.Equal([0, 1, 2, 4], registers.Keys.Order());
    }

    [Fact]
    public void The_module_has_the_enclaves_id()
    {
        var module = EnclaveNsm.Create(Samples.Options, s_id, s_measurements, new UnusedSigner(), TimeProvider.System);
        using var client = new NsmClient(module);
        Assert.Equal(s_id.ToString(), client.DescribeNsm().ModuleId);
        Assert.Equal(Value(1).ToString(), client.DescribePcr(0).Value.ToString());
    }

    static PcrValue Value(byte fill)
    {
        var bytes = new byte[PcrValue.Length];
        Array.Fill(bytes, fill);
        return new PcrValue(bytes);
    }
}
