namespace NitroEnclaves.Nsm.Tests;

/// <summary>What the software NSM does with requests that are as they should be.</summary>
public sealed class NsmModuleTests
{
    readonly RecordingSigner _signer = new();

    [Fact]
    public void Registers_0_to_15_are_locked_at_boot_and_16_to_31_are_not()
    {
        var client = new NsmClient(TestModule.Create());
        for (var index = 0; index < Pcr.Count; index++)
        {
            Assert.Equal(new PcrDescription(PcrValue.Zero, index < 16), client.DescribePcr(index));
        }
    }

    [Fact]
    public void Initial_values_are_taken_before_the_locks()
    {
        var instance = PcrValue.OfInstance("i-00c89f181802cdef4");
        var client = new NsmClient(TestModule.Create(pcrs: new Dictionary<int, PcrValue> { [4] = instance, [20] = instance }));
        Assert.Equal(new PcrDescription(instance, true), client.DescribePcr(4));
        Assert.Equal(new PcrDescription(instance, false), client.DescribePcr(20));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(32)]
    public void An_initial_value_needs_a_register(int index)
    {
        var pcrs = new Dictionary<int, PcrValue> { [index] = PcrValue.Zero };
        Assert.Throws<ArgumentException>(() => TestModule.Create(pcrs: pcrs));
    }

    [Theory]
    [InlineData("")]
    [InlineData("two words")]
    [InlineData("i-\ud800")]
    public void A_module_id_is_one_word_of_ASCII(string moduleId) =>
        Assert.Throws<ArgumentException>(() => new NsmModule(new NsmModuleOptions { ModuleId = moduleId, Signer = _signer }));

    [Fact]
    public void It_describes_itself_as_hardware_does()
    {
        var response = TestModule.Create().Exchange(NsmVectors.Request("DescribeNSM"));
        Assert.Equal(NsmVectors.Response("DescribeNSM (order of nsm-api / real hardware)"), response);
    }

    [Fact]
    public void The_other_key_order_is_QEMUs()
    {
        var qemu = TestModule.Create(keyOrder: NsmKeyOrder.Qemu);
        Assert.Equal(NsmVectors.Response("DescribePCR locked zero (order of QEMU)"), qemu.Exchange(NsmVectors.Request("DescribePCR index=4")));
        Assert.StartsWith(
            Hex.Map("DescribeNSM", "a7" + Hex.Text("digest") + Hex.Text("SHA384") + Hex.Text("max_pcrs") + "1820" + Hex.Text("module_id")),
            qemu.Exchange(Convert.ToHexString(NsmVectors.Request("DescribeNSM"))),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Locks_show_in_the_description()
    {
        var client = new NsmClient(TestModule.Create());
        client.LockPcr(30);
        client.LockPcrs(18);
        Assert.Equal([.. Enumerable.Range(0, 18), 30], client.DescribeNsm().LockedPcrs);
    }

    [Fact]
    public void Random_bytes_come_256_at_a_time_in_the_form_that_Linux_parses()
    {
        var module = TestModule.Create();
        var first = module.Exchange(NsmVectors.Request("GetRandom"));
        var second = module.Exchange(NsmVectors.Request("GetRandom"));

        // drivers/misc/nsm.c, fill_hwrng: this prefix literally, then a byte string of 24 bytes or more.
        byte[] prefix = [0xA1, 0x69, .. "GetRandom"u8, 0xA1, 0x66, .. "random"u8, 0x59, 0x01, 0x00];
        Assert.Equal([.. prefix, .. Enumerable.Range(0, 256).Select(i => (byte)i)], first);
        Assert.Equal(first, second);
    }

    [Fact]
    public void Without_a_source_of_its_own_randomness_is_real()
    {
        var module = new NsmModule(new NsmModuleOptions { ModuleId = TestModule.ModuleId, Signer = _signer });
        Assert.NotEqual(module.Exchange(NsmVectors.Request("GetRandom")), module.Exchange(NsmVectors.Request("GetRandom")));
    }

    [Fact]
    public void A_document_states_the_module_the_time_the_locked_registers_and_what_was_asked()
    {
        var module = TestModule.Create(_signer);
        var client = new NsmClient(module);
        var extended = client.ExtendPcr(16, "configuration"u8);
        client.ExtendPcr(17, "not locked"u8);
        client.LockPcr(16);

        Assert.Equal(_signer.Document, client.GetAttestationDocument(userData: [1], nonce: [], publicKey: null));

        var content = Assert.Single(_signer.Contents);
        Assert.Equal(TestModule.ModuleId, content.ModuleId);
        Assert.Equal(TestModule.Now, content.Timestamp);
        Assert.Equal(Enumerable.Range(0, 17), content.Pcrs.Keys);
        Assert.Equal(extended, content.Pcrs[16]);
        Assert.Equal<byte[]>([1], content.UserData);
        Assert.Equal<byte[]>([], content.Nonce);
        Assert.Null(content.PublicKey);
    }

    [Fact]
    public void A_failing_signer_is_an_internal_error_and_its_owner_is_told()
    {
        var failures = new List<Exception>();
        var module = TestModule.Create(new FailingSigner(), signingFailed: failures.Add);
        Assert.Equal(Hex.Error("InternalError"), Convert.ToHexStringLower(module.Exchange(NsmVectors.Request("Attestation none"))));
        Assert.IsType<InvalidOperationException>(Assert.Single(failures));
    }

    [Fact]
    public void A_document_that_fits_no_response_is_refused()
    {
        var module = TestModule.Create(new RecordingSigner(new byte[NsmLimits.MaxResponseLength]));
        Assert.Equal(Hex.Error("BufferTooSmall"), Convert.ToHexStringLower(module.Exchange(NsmVectors.Request("Attestation none"))));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(21, 0)]
    [InlineData(22, 22)]
    [InlineData(274, 22)]
    [InlineData(278, 278)]
    public void In_too_little_room_it_says_so_as_long_as_that_fits(int room, int expected)
    {
        var response = new byte[room];
        Assert.Equal(expected, TestModule.Create().Exchange(NsmVectors.Request("GetRandom"), response));
        if (expected == 22)
        {
            Assert.Equal(NsmVectors.Response("Error BufferTooSmall"), response[..22]);
        }
    }

    [Fact]
    public void Callers_on_several_threads_lose_no_extension()
    {
        var client = new NsmClient(TestModule.Create());
        Parallel.For(0, 400, _ => client.ExtendPcr(16, [7]));
        var expected = PcrValue.Zero;
        for (var i = 0; i < 400; i++)
        {
            expected = expected.Extend([7]);
        }

        Assert.Equal(expected, client.DescribePcr(16).Value);
    }

    sealed class FailingSigner : IDocumentSigner
    {
        public byte[] Sign(AttestationDocumentContent content) => throw new InvalidOperationException("No key.");
    }
}
