namespace NitroEnclaves.Enclaves.Tests;

/// <summary>The file of <c>run-enclave --config</c> (eif-and-nitro-cli 3.1).</summary>
public sealed class RunEnclaveConfigurationTests : IDisposable
{
    readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void The_members_of_nitro_cli_are_read_and_others_passed_over()
    {
        var file = Load("""
            {"enclave_name": "e", "cpu_count": 2, "memory_mib": 256, "eif_path": "a.eif", "debug_mode": false, "enclave_cid": 16, "other": [1]}
            """);
        var options = file.ToOptions();
        Assert.Equal(("e", 2u, 256UL, "a.eif", 16UL), (options.Name, options.CpuCount!.Value, options.MemoryMiB, options.EifPath, options.EnclaveCid!.Value));
        Assert.False(options.DebugMode);
        Assert.Equal(EngineChoice.Auto, options.Engine);
        options.Validate();
    }

    [Fact]
    public void An_attached_console_is_debug_mode()
    {
        var options = Load("""{"cpu_ids": [1, 3], "memory_mib": 256, "eif_path": "a.eif", "attach_console": true, "engine": "qemu"}""").ToOptions();
        Assert.True(options.DebugMode);
        Assert.Equal([1, 3], options.CpuIds!);
        Assert.Equal(EngineChoice.Qemu, options.Engine);
    }

    [Fact]
    public void The_restart_policy_is_read()
    {
        var options = Load("""{"cpu_count": 1, "memory_mib": 256, "eif_path": "a.eif", "restart": "on-failure", "restart_limit": 3, "restart_delay": 0.5}""").ToOptions();
        Assert.Equal(new RestartPolicy { Mode = RestartMode.OnFailure, Limit = 3, Delay = TimeSpan.FromSeconds(0.5) }, options.Restart);
        Assert.Equal(new RestartPolicy(), Load("""{"cpu_count": 1, "memory_mib": 256, "eif_path": "a.eif"}""").ToOptions().Restart);
    }

    [Theory]
    [InlineData("""{"memory_mib": 256, "eif_path": "a.eif", "cpu_count": 1, "restart": "sometimes"}""", EnclaveFailure.InvalidArgument, 3)]
    [InlineData("""{"memory_mib": 256, "eif_path": "a.eif", "cpu_count": 1, "restart": "always", "restart_limit": 0}""", EnclaveFailure.InvalidArgument, 3)]
    [InlineData("""{"memory_mib": 256, "eif_path": "a.eif", "cpu_count": 1, "restart": "always", "restart_delay": -1}""", EnclaveFailure.InvalidArgument, 3)]
    [InlineData("""{"memory_mib": 256, "eif_path": "a.eif"}""", EnclaveFailure.MissingArgument, 1)]
    [InlineData("""{"memory_mib": 256, "eif_path": "a.eif", "cpu_count": 1, "cpu_ids": [1]}""", EnclaveFailure.ConflictingArgument, 2)]
    [InlineData("""{"memory_mib": 256, "eif_path": "a.eif", "cpu_count": 1, "engine": "vmware"}""", EnclaveFailure.InvalidArgument, 3)]
    [InlineData("""{"memory_mib": 256, "eif_path": "a.eif", "cpu_count": 1, "engine": "1"}""", EnclaveFailure.InvalidArgument, 3)]
    [InlineData("""{"memory_mib": 256, "eif_path": "a.eif", "cpu_count": 1, "enclave_cid": 3}""", EnclaveFailure.InvalidArgument, 3)]
    [InlineData("""{"eif_path": "a.eif", "cpu_count": 1}""", EnclaveFailure.Configuration, 17)]
    [InlineData("""{"memory_mib": 256, "cpu_count": 1}""", EnclaveFailure.Configuration, 17)]
    [InlineData("""{"memory_mib": -1, "eif_path": "a.eif", "cpu_count": 1}""", EnclaveFailure.Configuration, 17)]
    [InlineData("""{"memory_mib": "256", "eif_path": "a.eif", "cpu_count": 1}""", EnclaveFailure.Configuration, 17)]
    [InlineData("null", EnclaveFailure.Configuration, 17)]
    [InlineData("{", EnclaveFailure.Configuration, 17)]
    public void What_breaks_a_rule_has_nitro_clis_code(string json, EnclaveFailure failure, int code)
    {
        var exception = Assert.Throws<EnclaveException>(() => Load(json).ToOptions().Validate());
        Assert.Equal((failure, code), (exception.Failure, exception.NitroCliCode));
    }

    [Fact]
    public void A_missing_file_is_E19() =>
        Assert.Equal(19, Assert.Throws<EnclaveException>(() => RunEnclaveConfiguration.Load(_path + ".none")).NitroCliCode);

    RunEnclaveConfiguration Load(string json)
    {
        File.WriteAllText(_path, json);
        return RunEnclaveConfiguration.Load(_path);
    }

    [Theory]
    [InlineData("{\n\"eif_path\": \"a\",\n\"memory_mib\": \"512\"}", "f is not a configuration of an enclave: \"memory_mib\" in line 3 is not what it should be")]
    [InlineData("{\"eif_path\": \"a\", \"memory_mib\": 1, \"cpu_ids\": [1, -3]}", "\"cpu_ids[1]\" in line 1")]
    [InlineData("{\"eif_path\": \"a\"}", "'memory_mib'")]
    public void What_is_wrong_is_named_as_the_file_has_it(string json, string message)
    {
        var refused = Assert.Throws<EnclaveException>(() => RunEnclaveConfiguration.Parse(System.Text.Encoding.UTF8.GetBytes(json), "f"));
        Assert.Equal(EnclaveFailure.Configuration, refused.Failure);
        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("NitroEnclaves", refused.Message, StringComparison.Ordinal);
    }
}
