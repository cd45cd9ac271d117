namespace NitroEnclaves.Enclaves.Tests;

/// <summary>The texts of eif-and-nitro-cli 3.2, key by key.</summary>
public sealed class EnclaveJsonTests
{
    [Fact]
    public void Run_enclave_prints_nitro_clis_keys() => Assert.Equal(
        """
        {
          "EnclaveName": "héllo <&> \"é\"",
          "EnclaveID": "i-0123456789abcdef0-enc0000000000000001",
          "ProcessID": 4711,
          "EnclaveCID": 16,
          "NumberOfCPUs": 2,
          "CPUIDs": [
            1,
            3
          ],
          "MemoryMiB": 512
        }
        """.ReplaceLineEndings("\n"),
        EnclaveJson.Write(new EnclaveRunInfo
        {
            EnclaveName = "héllo <&> \"é\"",
            EnclaveId = "i-0123456789abcdef0-enc0000000000000001",
            ProcessId = 4711,
            EnclaveCid = 16,
            NumberOfCpus = 2,
            CpuIds = [1, 3],
            MemoryMiB = 512,
        }));

    [Fact]
    public void No_enclaves_are_an_empty_array() => Assert.Equal("[]", EnclaveJson.Write(Array.Empty<EnclaveDescription>()));

    [Fact]
    public void Describe_enclaves_prints_nitro_clis_keys_and_then_ours()
    {
        var text = EnclaveJson.Write([new ScriptedEnclave().Describe(metadata: true) with { Engine = "qemu" }]);
        string[] keys =
        [
            "EnclaveName", "EnclaveID", "ProcessID", "EnclaveCID", "NumberOfCPUs", "CPUIDs", "MemoryMiB", "State", "Flags", "Measurements",
            "HashAlgorithm", "PCR0", "ImageName", "Engine",
        ];
        Assert.Equal(keys, text.Split('"').Where((_, index) => index % 2 == 1).Where(word => keys.Contains(word)));
        Assert.StartsWith("[\n  {\n    \"EnclaveName\"", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Terminate_all_prints_an_array() => Assert.Equal(
        "[\n  {\n    \"EnclaveName\": \"a\",\n    \"EnclaveID\": \"b\",\n    \"Terminated\": true\n  }\n]",
        EnclaveJson.Write([new EnclaveTermination { EnclaveName = "a", EnclaveId = "b", Terminated = true }]));
}
